#include "policyd/wire/socketmap_wire.h"

#include "shared/base/octet.h"

enum { LENGTH_DIGITS_MAX = 6 }; /* of SOCKETMAP_REQUEST_MAX */

/* The digits before the colon; *at is behind the colon afterwards. */
static enum wire_result
parse_length(struct span input, size_t *length, size_t *at, struct error *error)
{
    size_t value = 0;
    size_t i = 0;

    while (i < input.length && octet_is_digit(input.data[i])) {
        if (i == LENGTH_DIGITS_MAX || (i == 1 && value == 0))
            goto bad;
        value = value * 10 + (size_t)(input.data[i] - '0');
        i++;
    }
    if (value > SOCKETMAP_REQUEST_MAX)
        goto bad;
    if (i == input.length)
        return WIRE_MORE;
    if (i == 0 || input.data[i] != ':')
        goto bad;
    *length = value;
    *at = i + 1;
    return WIRE_DONE;

bad:
    (void)error_permanent(
        error, "no netstring of at most %d octets", SOCKETMAP_REQUEST_MAX);
    return WIRE_BAD;
}

enum wire_result
socketmap_wire_parse(struct span input, struct socketmap_request *request, size_t *used,
    struct error *error)
{
    enum wire_result result;
    struct span body;
    size_t length = 0;
    size_t at = 0;
    size_t blank;

    result = parse_length(input, &length, &at, error);
    if (result != WIRE_DONE)
        return result;
    if (input.length - at <= length)
        return WIRE_MORE;
    if (input.data[at + length] != ',') {
        (void)error_permanent(error, "no comma behind the netstring");
        return WIRE_BAD;
    }
    body = span_first(span_from(input, at), length);
    blank = span_find(body, ' ');
    if (blank == SPAN_NONE) {
        (void)error_permanent(error, "no blank between map name and key");
        return WIRE_BAD;
    }
    request->name = span_first(body, blank);
    request->key = span_from(body, blank + 1);
    *used = at + length + 1;
    return WIRE_DONE;
}

void
socketmap_wire_write(
    struct buffer *out, struct span status, struct span first, struct span second)
{
    size_t length = status.length + 1 + first.length + second.length;
    char digits[24];
    size_t at = sizeof(digits);

    digits[--at] = ':';
    do {
        digits[--at] = (char)('0' + length % 10);
        length /= 10;
    } while (length > 0);
    buffer_append(out, span_make(digits + at, sizeof(digits) - at));
    buffer_append(out, status);
    buffer_append_octet(out, ' ');
    buffer_append(out, first);
    buffer_append(out, second);
    buffer_append_octet(out, ',');
}
