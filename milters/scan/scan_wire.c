#include "milters/scan/scan_wire.h"

#include "shared/base/cursor.h"

enum { FRAME_JOB = 'J', FRAME_RESULT = 'R' };
enum { FLAG_ENCRYPTED = 1, FLAG_LIMITED = 2, FLAGS_ALL = 3 };

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
read_name(struct cursor *cursor, char out[SCAN_NAME_MAX + 1])
{
    struct span text = cursor_bytes(cursor, cursor_u8(cursor));

    out[0] = '\0';
    for (size_t i = 0; i < text.length; i++) {
        if (!is_name_octet(text.data[i]) && text.data[i] != ' ')
            cursor_fail(cursor);
    }
    if (!cursor_ok(cursor) || !span_copy(text, out, SCAN_NAME_MAX + 1))
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
    int flags =
        (result->encrypted ? FLAG_ENCRYPTED : 0) | (result->limited ? FLAG_LIMITED : 0);

    buffer_append_octet(out, FRAME_RESULT);
    buffer_append_octet(out, (char)result->status);
    buffer_append_octet(out, (char)flags);
    buffer_append_u32(out, result->worker);
    write_name(result->virus, out);
    write_name(result->problem, out);
}

bool
scan_wire_read_result(struct span frame, struct scan_result *result)
{
    struct cursor cursor = cursor_on(frame);
    uint8_t status;
    uint8_t flags;

    if (cursor_u8(&cursor) != FRAME_RESULT)
        return false;
    status = cursor_u8(&cursor);
    flags = cursor_u8(&cursor);
    if (status > SCAN_STATUS_FAILED || (flags & ~FLAGS_ALL) != 0)
        return false;
    *result = (struct scan_result){.status = (enum scan_status)status,
        .encrypted = (flags & FLAG_ENCRYPTED) != 0,
        .limited = (flags & FLAG_LIMITED) != 0};
    result->worker = cursor_u32(&cursor);
    read_name(&cursor, result->virus);
    read_name(&cursor, result->problem);
    if (!cursor_at_end(&cursor))
        return false;
    /* An infection has a name, and nothing else has one. */
    return (result->status == SCAN_STATUS_INFECTED) == (result->virus[0] != '\0');
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
