#include "policyd/copies/copies_key.h"

#include <string.h>

static int
digit_of(char octet)
{
    if (octet >= '0' && octet <= '9')
        return octet - '0';
    octet = span_lower_octet(octet);
    return octet >= 'a' && octet <= 'f' ? octet - 'a' + 10 : -1;
}

static bool
parse_digits(struct span text, uint8_t key[COPIES_KEY_SIZE])
{
    if (text.length != (size_t)2 * COPIES_KEY_SIZE)
        return false;
    for (size_t i = 0; i < COPIES_KEY_SIZE; i++) {
        int high = digit_of(text.data[2 * i]);
        int low = digit_of(text.data[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        key[i] = (uint8_t)(16 * high + low);
    }
    return true;
}

bool
copies_key_parse(struct span text, uint8_t key[COPIES_KEY_SIZE], struct error *error)
{
    if (text.length == COPIES_KEY_SIZE) {
        memcpy(key, text.data, COPIES_KEY_SIZE);
        return true;
    }
    return parse_digits(span_trim(text), key) ||
           error_permanent(error,
               "it is no key: 32 octets or 64 hexadecimal digits are wanted, these are "
               "%zu octets (openssl rand -hex 32 makes one)",
               text.length);
}
