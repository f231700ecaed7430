#include "milters/common/milter_reply.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/buffer.h"
#include "shared/service/log.h"

enum { TEXT_MAX = 400, FIELD_MAX = 1 << 16 };

/* libmilter's interface has no const: the strings are not changed by it. */
static char *
unconst(const char *text)
{
    union {
        const char *given;
        char *passed;
    } both = {.given = text};

    return both.passed;
}

static int
by_number_downwards(const void *left, const void *right)
{
    const struct verdict_edit *a = left;
    const struct verdict_edit *b = right;

    return (a->number < b->number) - (a->number > b->number);
}

static bool
add_field(SMFICTX *session, const struct verdict_edit *edit, bool leading_space)
{
    struct buffer value;
    int done;

    buffer_init(&value, FIELD_MAX);
    if (leading_space)
        buffer_append_octet(&value, ' ');
    if (!buffer_append_text(&value, edit->value)) {
        buffer_clear(&value);
        return false;
    }
    if (edit->kind == VERDICT_INSERT)
        done =
            smfi_insheader(session, 0, unconst(edit->name), unconst(buffer_text(&value)));
    else
        done = smfi_addheader(session, unconst(edit->name), unconst(buffer_text(&value)));
    buffer_clear(&value);
    return done == MI_SUCCESS;
}

/* Each deletion renumbers the fields behind it: from the highest number down. */
static bool
apply_deletions(SMFICTX *session, const struct verdict *verdict)
{
    struct verdict_edit *deletions = calloc(verdict->edit_count + 1, sizeof(*deletions));
    size_t count = 0;
    bool done = true;

    if (deletions == NULL)
        abort();
    for (size_t i = 0; i < verdict->edit_count; i++) {
        if (verdict->edits[i].kind == VERDICT_DELETE)
            deletions[count++] = verdict->edits[i];
    }
    qsort(deletions, count, sizeof(*deletions), by_number_downwards);
    for (size_t i = 0; i < count && done; i++)
        done = smfi_chgheader(session, unconst(deletions[i].name),
                   (int)deletions[i].number, NULL) == MI_SUCCESS;
    free(deletions);
    return done;
}

/* An insertion above Postfix's own Received shifts all numbers: so deletions first. */
static bool
apply_edits(SMFICTX *session, const struct verdict *verdict, bool leading_space)
{
    if (!apply_deletions(session, verdict))
        return false;
    for (size_t i = 0; i < verdict->edit_count; i++) {
        if (verdict->edits[i].kind != VERDICT_DELETE &&
            !add_field(session, &verdict->edits[i], leading_space))
            return false;
    }
    return true;
}

static sfsistat
refuse(SMFICTX *session, const struct verdict *verdict, sfsistat answer)
{
    char text[2 * TEXT_MAX + 1];

    if (!milter_reply_text(verdict->text, text, sizeof(text)) ||
        smfi_setreply(session, unconst(verdict->code), unconst(verdict->enhanced),
            text) != MI_SUCCESS)
        log_say(LOG_LEVEL_WARNING,
            "libmilter does not take the reply text; its default is sent");
    return answer;
}

bool
milter_reply_text(const char *text, char *out, size_t size)
{
    size_t length = 0;

    if (text == NULL || strlen(text) > TEXT_MAX)
        return false;
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e ||
            length + 3 > size)
            return false;
        out[length++] = *text;
        if (*text == '%')
            out[length++] = '%';
    }
    out[length] = '\0';
    return length > 0;
}

sfsistat
milter_reply_apply(SMFICTX *session, const struct verdict *verdict, bool leading_space)
{
    bool edited;

    switch (verdict->action) {
    case VERDICT_REJECT:
        return refuse(session, verdict, SMFIS_REJECT);
    case VERDICT_TEMPFAIL:
        return refuse(session, verdict, SMFIS_TEMPFAIL);
    case VERDICT_DISCARD:
        return SMFIS_DISCARD;
    case VERDICT_ACCEPT:
    case VERDICT_QUARANTINE:
        break;
    }
    edited = apply_edits(session, verdict, leading_space);
    if (edited && verdict->action == VERDICT_QUARANTINE)
        edited = smfi_quarantine(session, unconst(verdict->reason)) == MI_SUCCESS;
    if (!edited) {
        log_say(
            LOG_LEVEL_ERROR, "the MTA did not take a change of the message: it waits");
        return SMFIS_TEMPFAIL;
    }
    return SMFIS_ACCEPT;
}
