#include "shared/records/base64.h"

#include "shared/base/octet.h"

#include <string.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* -1 for what is no digit. */
static int
digit_value(char octet)
{
    if (octet >= 'A' && octet <= 'Z')
        return octet - 'A';
    if (octet >= 'a' && octet <= 'z')
        return octet - 'a' + 26;
    if (octet >= '0' && octet <= '9')
        return octet - '0' + 52;
    return octet == '+' ? 62 : octet == '/' ? 63 : -1;
}

/* The rest is padding: one or two signs, as many as `digits` calls for, or none. */
static bool
is_end(struct span rest, size_t digits)
{
    size_t signs = 0;

    for (size_t i = 0; i < rest.length; i++) {
        if (rest.data[i] == '=')
            signs++;
        else if (!octet_is_white(rest.data[i]))
            return false;
    }
    return digits % 4 != 1 && (signs == 0 || (signs <= 2 && (digits + signs) % 4 == 0));
}

bool
base64_decode(struct span text, struct buffer *out)
{
    uint32_t bits = 0;
    size_t digits = 0;
    size_t i;

    if (!buffer_reserve(out, text.length / 4 * 3 + 3))
        return false;
    for (i = 0; i < text.length; i++) {
        int value = digit_value(text.data[i]);

        if (octet_is_white(text.data[i]))
            continue;
        if (value < 0)
            break;
        bits = bits << 6 | (uint32_t)value;
        /* An octet is full with each digit but every first of four. */
        if (digits++ % 4 != 0)
            out->data[out->length++] =
                (char)(bits >> (6 - 2 * ((digits - 1) % 4)) & 0xff);
    }
    return is_end(span_from(text, i), digits);
}

bool
base64_encode(struct span data, struct buffer *out)
{
    for (size_t i = 0; i < data.length; i += 3) {
        size_t length = data.length - i < 3 ? data.length - i : 3;
        uint32_t bits = 0;
        char group[4] = {'=', '=', '=', '='};

        for (size_t j = 0; j < 3; j++)
            bits = bits << 8 | (j < length ? (unsigned char)data.data[i + j] : 0U);
        for (size_t j = 0; j <= length; j++)
            group[j] = alphabet[bits >> (18 - 6 * j) & 0x3f];
        buffer_append(out, span_make(group, sizeof(group)));
    }
    return buffer_ok(out);
}
