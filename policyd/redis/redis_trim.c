#include "policyd/redis/redis_trim.h"

#include <inttypes.h>
#include <string.h>

#include "shared/base/number.h"

enum { ELEMENT_COST = 64 };

void
redis_trim_init(struct redis_trim *trim)
{
    *trim = (struct redis_trim){.state = TRIM_LINE};
}

bool
redis_trim_is_within(const struct redis_trim *trim)
{
    return trim->depth > 0 || trim->state != TRIM_LINE || trim->line_length > 0;
}

/* A value is whole: so may be the arrays around it. */
static void
end_value(struct redis_trim *trim)
{
    while (trim->depth > 0 && --trim->left[trim->depth] == 0) {
        if (trim->dropped == trim->depth)
            trim->dropped = 0;
        trim->depth--;
    }
    if (trim->depth == 0)
        trim->used = 0;
    trim->state = TRIM_LINE;
    trim->line_length = 0;
}

static bool
has_room(const struct redis_trim *trim, uint64_t octets)
{
    return octets <= REDIS_TRIM_REPLY_MAX && trim->used <= REDIS_TRIM_REPLY_MAX - octets;
}

static void
write_too_large(
    struct redis_trim *trim, uint64_t size, const char *of, struct buffer *out)
{
    if (trim->dropped == 0)
        buffer_printf(out, "-" REDIS_TOO_LARGE " %" PRIu64 " %s\r\n", size, of);
}

static void
begin_text(struct redis_trim *trim, uint64_t length, struct buffer *out)
{
    trim->keep = length < REDIS_TEXT_MAX ? length : REDIS_TEXT_MAX;
    trim->passes = trim->dropped == 0 && has_room(trim, trim->keep + ELEMENT_COST);
    if (trim->passes) {
        trim->used += trim->keep + ELEMENT_COST;
        buffer_printf(out, "$%" PRIu64 "\r\n", trim->keep);
    } else {
        write_too_large(trim, length, "octets", out);
        trim->keep = 0;
    }
    trim->drop = length - trim->keep;
    trim->ends = 2;
    trim->state = TRIM_TEXT;
}

static bool
begin_array(struct redis_trim *trim, uint64_t count, struct buffer *out)
{
    bool passes =
        count <= REDIS_TRIM_ELEMENTS_MAX && has_room(trim, count * ELEMENT_COST);

    if (trim->dropped == 0 && passes)
        buffer_printf(out, "*%" PRIu64 "\r\n", count);
    if (!passes)
        write_too_large(trim, count, "elements", out);
    if (count == 0) {
        end_value(trim);
        return true;
    }
    if (trim->depth == REDIS_TRIM_DEPTH_MAX)
        return false;
    trim->left[++trim->depth] = count;
    if (!passes && trim->dropped == 0)
        trim->dropped = trim->depth;
    trim->state = TRIM_LINE;
    trim->line_length = 0;
    return true;
}

/* The line as it stands, a value by itself. */
static void
pass_line(struct redis_trim *trim, struct buffer *out)
{
    if (trim->dropped == 0) {
        trim->used += ELEMENT_COST;
        buffer_append(out, span_make(trim->line, trim->line_length));
        buffer_append(out, SPAN("\r\n"));
    }
    end_value(trim);
}

static bool
take_line(struct redis_trim *trim, struct buffer *out)
{
    struct span number = span_make(trim->line + 1, trim->line_length - 1);
    uint64_t count;

    if (trim->line_length == 0)
        return false;
    switch (trim->line[0]) {
    case '$':
    case '*':
        break;
    case '+':
    case '-':
    case ':':
        pass_line(trim, out);
        return true;
    default:
        return false;
    }
    if (span_is(number, "-1")) {
        pass_line(trim, out);
        return true;
    }
    if (!number_unsigned(number, INT64_MAX, &count))
        return false;
    if (trim->line[0] == '*')
        return begin_array(trim, count, out);
    begin_text(trim, count, out);
    return true;
}

static bool
is_kind(char octet)
{
    return octet != '\0' && strchr("+-:$*", octet) != NULL;
}

/* The part of a line that has come; false: it is none. */
static bool
read_line(struct redis_trim *trim, struct span *input, struct buffer *out)
{
    size_t end = span_find(*input, '\r');
    struct span part = end == SPAN_NONE ? *input : span_first(*input, end);

    if (trim->state == TRIM_LINE_END) {
        if (input->data[0] != '\n')
            return false;
        *input = span_from(*input, 1);
        trim->state = TRIM_LINE;
        return take_line(trim, out);
    }
    if (part.length > sizeof(trim->line) - trim->line_length ||
        (trim->line_length == 0 && part.length > 0 && !is_kind(part.data[0])))
        return false;
    if (part.length > 0)
        memcpy(trim->line + trim->line_length, part.data, part.length);
    trim->line_length += part.length;
    *input = span_from(*input, part.length);
    if (end != SPAN_NONE) {
        *input = span_from(*input, 1);
        trim->state = TRIM_LINE_END;
    }
    return true;
}

static struct span
take_front(struct span *input, uint64_t most)
{
    struct span front = span_first(*input, most < input->length ? most : input->length);

    *input = span_from(*input, front.length);
    return front;
}

static bool
read_text(struct redis_trim *trim, struct span *input, struct buffer *out)
{
    struct span kept = take_front(input, trim->keep);
    struct span end;

    trim->keep -= kept.length;
    buffer_append(out, kept);
    trim->drop -= trim->keep > 0 ? 0 : take_front(input, trim->drop).length;
    if (trim->keep > 0 || trim->drop > 0)
        return true;
    end = take_front(input, trim->ends);
    for (size_t i = 0; i < end.length; i++) {
        if (end.data[i] != (trim->ends-- == 2 ? '\r' : '\n'))
            return false;
    }
    if (trim->ends > 0)
        return true;
    if (trim->passes)
        buffer_append(out, SPAN("\r\n"));
    end_value(trim);
    return true;
}

bool
redis_trim_feed(struct redis_trim *trim, struct span input, struct buffer *out)
{
    while (input.length > 0) {
        if (!(trim->state == TRIM_TEXT ? read_text : read_line)(trim, &input, out))
            return false;
    }
    return true;
}
