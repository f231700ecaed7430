#include "milters/scan/scan_wire.h"

#include "shared/base/cursor.h"

enum { FRAME_JOB = 'J', FRAME_RESULT = 'R' };
enum { DOUBTS_ALL = (1 << SCAN_DOUBTS) - 1 };

_Static_assert(
    SCAN_FRAME_MAX > 8 + 2 * (SCAN_NAME_MAX + 1) + SCAN_DOUBTS * (SCAN_WHAT_MAX + 1),
    "the longest answer fits a frame");

static void
write_name(const char *name, struct buffer *out)
{
    struct span text = span_first(span_of(name), SCAN_NAME_MAX);

    buffer_append_octet(out, (char)text.length);
    buffer_append(out, text);
}

static bool
is_name_octet(char octet)
{
    return octet > 0x20 && octet < 0x7f && octet != '"' && octet != '(' && octet != ')' &&
           octet != '\\' && octet != ',';
}

/* Blanks are allowed inside what we read: problems are sentences. */
static void
read_name(struct cursor *cursor, char *out, size_t size)
{
    struct span text = cursor_bytes(cursor, cursor_u8(cursor));

    out[0] = '\0';
    for (size_t i = 0; i < text.length; i++) {
        if (!is_name_octet(text.data[i]) && text.data[i] != ' ')
            cursor_fail(cursor);
    }
    if (!cursor_ok(cursor) || !span_copy(text, out, size))
        cursor_fail(cursor);
}

void
scan_wire_write_job(const struct scan_job *job, struct buffer *out)
{
    buffer_append_octet(out, FRAME_JOB);
    buffer_append_u64(out, job->number);
    buffer_append_u64(out, job->deadline_ms);
    buffer_append_u64(out, job->size);
    buffer_append(out, job->octets);
}

bool
scan_wire_read_job(struct span frame, struct scan_job *job)
{
    struct cursor cursor = cursor_on(frame);

    if (cursor_u8(&cursor) != FRAME_JOB)
        return false;
    job->number = cursor_u64(&cursor);
    job->deadline_ms = cursor_u64(&cursor);
    job->size = cursor_u64(&cursor);
    job->octets = cursor_bytes(&cursor, cursor_left(&cursor));
    return cursor_ok(&cursor) && job->number != 0 &&
           job->octets.length == (job->size <= SCAN_INLINE_MAX ? job->size : 0);
}

void
scan_wire_write_result(const struct scan_result *result, struct buffer *out)
{
    int doubts = 0;

    for (int i = 0; i < SCAN_DOUBTS; i++)
        doubts |= result->doubted[i] ? 1 << i : 0;
    buffer_append_octet(out, FRAME_RESULT);
    buffer_append_octet(out, (char)result->status);
    buffer_append_octet(out, (char)doubts);
    buffer_append_u32(out, result->worker);
    write_name(result->virus, out);
    write_name(result->problem, out);
    for (int i = 0; i < SCAN_DOUBTS; i++) {
        if (result->doubted[i])
            write_name(result->what[i], out);
    }
}

bool
scan_wire_read_result(struct span frame, struct scan_result *result)
{
    struct cursor cursor = cursor_on(frame);
    uint8_t status;
    uint8_t doubts;

    if (cursor_u8(&cursor) != FRAME_RESULT)
        return false;
    status = cursor_u8(&cursor);
    doubts = cursor_u8(&cursor);
    if (status > SCAN_STATUS_LATE || (doubts & ~DOUBTS_ALL) != 0)
        return false;
    *result = (struct scan_result){.status = (enum scan_status)status};
    result->worker = cursor_u32(&cursor);
    read_name(&cursor, result->virus, sizeof(result->virus));
    read_name(&cursor, result->problem, sizeof(result->problem));
    for (int i = 0; i < SCAN_DOUBTS; i++) {
        result->doubted[i] = (doubts & 1 << i) != 0;
        if (result->doubted[i])
            read_name(&cursor, result->what[i], sizeof(result->what[i]));
    }
    if (!cursor_at_end(&cursor))
        return false;
    /* An infection has a name, and nothing else has one. */
    return (result->status == SCAN_STATUS_INFECTED) == (result->virus[0] != '\0');
}

void
scan_result_doubt(struct scan_result *result, enum scan_doubt doubt, const char *what)
{
    char text[SCAN_NAME_MAX + 1];

    if (result->doubted[doubt])
        return;
    scan_text_copy(text, what);
    (void)span_copy(span_first(span_of(text), SCAN_WHAT_MAX), result->what[doubt],
        sizeof(result->what[doubt]));
    result->doubted[doubt] = true;
}

static void
copy(char out[SCAN_NAME_MAX + 1], const char *text, bool blanks)
{
    size_t length = 0;

    for (; text[length] != '\0' && length < SCAN_NAME_MAX; length++) {
        bool kept = is_name_octet(text[length]) || (blanks && text[length] == ' ');

        out[length] = '_';
        if (kept)
            out[length] = text[length];
    }
    out[length] = '\0';
}

void
scan_name_copy(char out[SCAN_NAME_MAX + 1], const char *name)
{
    copy(out, name, false);
}

void
scan_text_copy(char out[SCAN_NAME_MAX + 1], const char *text)
{
    copy(out, text, true);
}
