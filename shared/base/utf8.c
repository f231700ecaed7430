#include "shared/base/utf8.h"

size_t
utf8_length(struct span text)
{
    unsigned char first = text.length > 0 ? (unsigned char)text.data[0] : 0xff;
    unsigned char second = text.length > 1 ? (unsigned char)text.data[1] : 0;
    size_t length;

    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        length = 2;
    else if (first >= 0xe0 && first <= 0xef)
        length = 3;
    else if (first >= 0xf0 && first <= 0xf4)
        length = 4;
    else
        return 0;
    if (text.length < length)
        return 0;
    /* What is overlong, a surrogate or above U+10FFFF shows in the second octet. */
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
        return 0;
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)text.data[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

bool
utf8_is_valid(struct span text)
{
    while (text.length > 0) {
        size_t length = utf8_length(text);

        if (length == 0)
            return false;
        text = span_from(text, length);
    }
    return true;
}
