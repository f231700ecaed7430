#include "milters/protocol/milter_reply.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 400 };

static int
by_number_downwards(const void *left, const void *right)
{
    const struct verdict_edit *a = left;
    const struct verdict_edit *b = right;

    return (a->number < b->number) - (a->number > b->number);
}

/* Each deletion renumbers the fields behind it: from the highest number down. */
static void
write_deletions(struct buffer *out, const struct verdict *verdict)
{
    struct verdict_edit *deletions = calloc(verdict->edit_count + 1, sizeof(*deletions));
    size_t count = 0;

    if (deletions == NULL)
        abort();
    for (size_t i = 0; i < verdict->edit_count; i++) {
        if (verdict->edits[i].kind == VERDICT_DELETE)
            deletions[count++] = verdict->edits[i];
    }
    qsort(deletions, count, sizeof(*deletions), by_number_downwards);
    for (size_t i = 0; i < count; i++)
        milter_wire_write_delete(out, deletions[i].number, deletions[i].name);
    free(deletions);
}

/* An insertion above Postfix's own Received shifts all numbers: so deletions first. */
static void
write_edits(struct buffer *out, const struct verdict *verdict, bool leading_space)
{
    write_deletions(out, verdict);
    for (size_t i = 0; i < verdict->edit_count; i++) {
        const struct verdict_edit *edit = &verdict->edits[i];

        if (edit->kind == VERDICT_INSERT)
            milter_wire_write_insert(out, 0, edit->name, edit->value, leading_space);
        else if (edit->kind == VERDICT_APPEND)
            milter_wire_write_append(out, edit->name, edit->value, leading_space);
    }
}

static bool
is_digits(struct span text, size_t least, size_t most)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return text.length >= least && text.length <= most;
}

/* "550" and "5.7.1", or "451" and "4.7.1": Postfix gives up on a milter that says
 * anything else. */
static bool
is_code(const char *code, const char *enhanced, char kind)
{
    struct span rest;
    struct span class;
    struct span subject;

    if (code == NULL || enhanced == NULL || code[0] != kind || enhanced[0] != kind)
        return false;
    rest = span_of(enhanced);
    return is_digits(span_of(code), 3, 3) && span_split(&rest, '.', &class) &&
           span_split(&rest, '.', &subject) && is_digits(class, 1, 1) &&
           is_digits(subject, 1, 3) && is_digits(rest, 1, 3);
}

static bool
is_line(const char *text)
{
    if (text == NULL || text[0] == '\0' || strlen(text) > TEXT_MAX)
        return false;
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
            return false;
    }
    return true;
}

/* What is no reply that an MTA takes is left to its own words. */
static void
write_refusal(struct buffer *out, const struct verdict *verdict)
{
    bool later = verdict->action == VERDICT_TEMPFAIL;

    if (is_code(verdict->code, verdict->enhanced, later ? '4' : '5') &&
        is_line(verdict->text))
        milter_wire_write_reply(out, verdict->code, verdict->enhanced, verdict->text);
    else
        milter_wire_write_answer(out, later ? MILTER_TEMPFAIL : MILTER_REJECT);
}

enum verdict_action
milter_reply_write(struct buffer *out, const struct verdict *verdict, bool leading_space)
{
    switch (verdict->action) {
    case VERDICT_REJECT:
    case VERDICT_TEMPFAIL:
        write_refusal(out, verdict);
        break;
    case VERDICT_DISCARD:
        milter_wire_write_answer(out, MILTER_DISCARD);
        break;
    case VERDICT_QUARANTINE:
        write_edits(out, verdict, leading_space);
        milter_wire_write_quarantine(
            out, verdict->reason == NULL ? "held" : verdict->reason);
        milter_wire_write_answer(out, MILTER_ACCEPT);
        break;
    case VERDICT_ACCEPT:
        write_edits(out, verdict, leading_space);
        milter_wire_write_answer(out, MILTER_ACCEPT);
        break;
    }
    if (buffer_ok(out))
        return verdict->action;
    buffer_reset(out);
    milter_wire_write_answer(out, MILTER_TEMPFAIL);
    return VERDICT_TEMPFAIL;
}
