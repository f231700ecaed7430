#include "milters/protocol/milter_reply.h"

#include "shared/base/allocate.h"
#include "shared/base/octet.h"

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

/* Each deletion renumbers the fields behind it: from the highest number down.  An
 * insertion above Postfix's own Received shifts all numbers: so deletions first. */
bool
milter_reply_each_edit(const struct verdict *verdict,
    bool (*tell)(void *context, const struct verdict_edit *edit), void *context)
{
    struct verdict_edit *edits = allocate_array(verdict->edit_count + 1, sizeof(*edits));
    size_t deletions = 0;
    size_t count;
    size_t told = 0;

    for (size_t i = 0; i < verdict->edit_count; i++) {
        if (verdict->edits[i].kind == VERDICT_DELETE)
            edits[deletions++] = verdict->edits[i];
    }
    qsort(edits, deletions, sizeof(*edits), by_number_downwards);
    count = deletions;
    for (size_t i = 0; i < verdict->edit_count; i++) {
        if (verdict->edits[i].kind != VERDICT_DELETE)
            edits[count++] = verdict->edits[i];
    }
    while (told < count && tell(context, &edits[told]))
        told++;
    free(edits);
    return told == count;
}

struct writer {
    struct buffer *out;
    bool leading_space;
};

static bool
write_edit(void *context, const struct verdict_edit *edit)
{
    const struct writer *writer = context;

    switch (edit->kind) {
    case VERDICT_DELETE:
        milter_wire_write_delete(writer->out, edit->number, edit->name);
        break;
    case VERDICT_INSERT:
        milter_wire_write_insert(
            writer->out, 0, edit->name, edit->value, writer->leading_space);
        break;
    case VERDICT_APPEND:
        milter_wire_write_append(
            writer->out, edit->name, edit->value, writer->leading_space);
        break;
    }
    return true;
}

static void
write_edits(struct buffer *out, const struct verdict *verdict, bool leading_space)
{
    struct writer writer = {out, leading_space};

    (void)milter_reply_each_edit(verdict, write_edit, &writer);
}

static bool
is_digits(struct span text, size_t least, size_t most)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!octet_is_digit(text.data[i]))
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

bool
milter_reply_is_sayable(const struct verdict *verdict)
{
    char kind = verdict->action == VERDICT_TEMPFAIL ? '4' : '5';

    return is_code(verdict->code, verdict->enhanced, kind) && is_line(verdict->text);
}

/* What is no reply that an MTA takes is left to its own words. */
static void
write_refusal(struct buffer *out, const struct verdict *verdict)
{
    if (milter_reply_is_sayable(verdict))
        milter_wire_write_reply(out, verdict->code, verdict->enhanced, verdict->text);
    else
        milter_wire_write_answer(
            out, verdict->action == VERDICT_TEMPFAIL ? MILTER_TEMPFAIL : MILTER_REJECT);
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
