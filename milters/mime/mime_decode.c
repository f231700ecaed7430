#include "milters/mime/mime_decode.h"

#include "shared/base/octet.h"

#include <string.h>

enum { OUTSIDE = 64 };

/* By octet, those below 0x80. */
static const uint8_t values[128] = {
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    62,
    64,
    64,
    64,
    63,
    52,
    53,
    54,
    55,
    56,
    57,
    58,
    59,
    60,
    61,
    64,
    64,
    64,
    64,
    64,
    64,
    64,
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
    16,
    17,
    18,
    19,
    20,
    21,
    22,
    23,
    24,
    25,
    64,
    64,
    64,
    64,
    64,
    64,
    26,
    27,
    28,
    29,
    30,
    31,
    32,
    33,
    34,
    35,
    36,
    37,
    38,
    39,
    40,
    41,
    42,
    43,
    44,
    45,
    46,
    47,
    48,
    49,
    50,
    51,
    64,
    64,
    64,
    64,
    64,
};

static unsigned
base64_value(char octet)
{
    return (unsigned char)octet < sizeof(values) ? values[(unsigned char)octet] : OUTSIDE;
}

/* Whole groups at the beginning, as far as nothing else stands between: most of a part.
 */
static size_t
decode_groups(struct span text, struct buffer *out)
{
    size_t at = 0;

    for (; at + 4 <= text.length; at += 4) {
        const char *group = text.data + at;
        unsigned first = base64_value(group[0]);
        unsigned second = base64_value(group[1]);
        unsigned third = base64_value(group[2]);
        unsigned fourth = base64_value(group[3]);
        unsigned bits = first << 18 | second << 12 | third << 6 | fourth;

        if (((first | second | third | fourth) & OUTSIDE) != 0)
            break;
        out->data[out->length++] = (char)(bits >> 16);
        out->data[out->length++] = (char)(bits >> 8);
        out->data[out->length++] = (char)bits;
    }
    return at;
}

/* Groups of four on their way to three octets. */
struct group {
    unsigned bits;
    unsigned count; /* of characters */
};

static void
put_octets(struct group *group, struct buffer *out)
{
    unsigned bits = group->bits << (4 - group->count) * 6;

    for (unsigned i = 0; i + 1 < group->count; i++)
        out->data[out->length++] = (char)(bits >> (16 - 8 * i));
    *group = (struct group){0};
}

static void
note_junk(
    struct mime_base64 *seen, struct span text, size_t at, const struct group *group)
{
    if (seen->junk)
        return;
    seen->junk = true;
    seen->junk_at = at;
    seen->junk_apart = group->count == 0 && (at == 0 || text.data[at - 1] == '\n');
}

struct mime_base64
mime_decode_base64(struct span text, enum mime_padding padding, struct buffer *out)
{
    struct mime_base64 seen = {0};
    struct group group = {0};
    bool padded = false;

    if (!buffer_reserve(out, text.length / 4 * 3 + 4))
        return seen;
    for (size_t i = 0; i < text.length; i++) {
        unsigned value;

        if (group.count == 0 && !padded)
            i += decode_groups(span_from(text, i), out);
        if (i == text.length)
            break;
        value = base64_value(text.data[i]);
        if (value == OUTSIDE) {
            if (text.data[i] == '=')
                padded = true;
            else if (!padded && !octet_is_space(text.data[i]))
                note_junk(&seen, text, i, &group);
            continue;
        }
        if (padded) {
            seen.goes_on = true;
            if (padding == MIME_PADDING_ENDS)
                break;
            if (padding == MIME_PADDING_RESTARTS)
                put_octets(&group, out);
            padded = false;
        }
        group.bits = group.bits << 6 | value;
        if (++group.count == 4)
            put_octets(&group, out);
    }
    put_octets(&group, out);
    return seen;
}

static size_t
without_blanks(struct span line)
{
    while (line.length > 0 && octet_is_space(line.data[line.length - 1]))
        line.length--;
    return line.length;
}

static void
quoted_line(struct span line, struct buffer *out)
{
    for (size_t i = 0; i < line.length; i++) {
        int high = -1;
        int low = -1;

        if (line.data[i] == '=' && i + 2 < line.length) {
            high = octet_hex_value(line.data[i + 1]);
            low = octet_hex_value(line.data[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            out->data[out->length++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out->data[out->length++] = line.data[i];
        }
    }
}

bool
mime_decode_quoted(struct span text, bool keep_blanks, struct buffer *out)
{
    bool blanks = false;

    if (!buffer_reserve(out, text.length))
        return false;
    while (text.length > 0) {
        size_t end = span_find(text, '\n');
        struct span whole = span_first(text, end == SPAN_NONE ? text.length : end + 1);
        struct span line = span_first(whole, without_blanks(whole));
        size_t ends = whole.length - (end == SPAN_NONE ? 0 : 1);

        if (ends > 0 && end != SPAN_NONE && whole.data[ends - 1] == '\r')
            ends--;
        text = span_from(text, whole.length);
        if (line.length > 0 && line.data[line.length - 1] == '=') {
            quoted_line(span_first(line, line.length - 1), out); /* soft */
            continue;
        }
        blanks |= ends > line.length;
        quoted_line(keep_blanks ? span_first(whole, ends) : line, out);
        memcpy(out->data + out->length, whole.data + ends, whole.length - ends);
        out->length += whole.length - ends;
    }
    return blanks;
}
