/*
 * octet - the classes of ASCII octets, whatever the locale.
 */
#ifndef SHARED_BASE_OCTET_H
#define SHARED_BASE_OCTET_H

#include <stdbool.h>

static inline bool
octet_is_digit(char octet)
{
    return octet >= '0' && octet <= '9';
}

static inline bool
octet_is_letter(char octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z');
}

static inline bool
octet_is_letter_or_digit(char octet)
{
    return octet_is_letter(octet) || octet_is_digit(octet);
}

/* Between words of a line. */
static inline bool
octet_is_blank(char octet)
{
    return octet == ' ' || octet == '\t';
}

/* Between words of folded lines, as in a header field. */
static inline bool
octet_is_white(char octet)
{
    return octet_is_blank(octet) || octet == '\r' || octet == '\n';
}

/* What C calls a space: also vertical tab and form feed. */
static inline bool
octet_is_space(char octet)
{
    return octet == ' ' || (octet >= '\t' && octet <= '\r');
}

/* Of a hexadecimal digit; -1 for what is none. */
static inline int
octet_hex_value(char octet)
{
    if (octet_is_digit(octet))
        return octet - '0';
    if (octet >= 'a' && octet <= 'f')
        return octet - 'a' + 10;
    return octet >= 'A' && octet <= 'F' ? octet - 'A' + 10 : -1;
}

#endif
