#include "shared/base/utf8.h"

#include "shared/base/attributes.h"

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

uint32_t
utf8_code_point(struct span text, size_t length)
{
    static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code_point = (unsigned char)text.data[0] & first_bits[length];

    for (size_t i = 1; i < length; i++)
        code_point = code_point << 6 | ((unsigned char)text.data[i] & 0x3f);
    return code_point;
}

bool
utf8_is_unseen(uint32_t code_point)
{
    static const struct {
        uint32_t from;
        uint32_t to;
    } ranges[] = {
        {0x00,    0x1f   },
        {0x7f,    0x9f   },
        {0xad,    0xad   },
        {0x61c,   0x61c  },
        {0x200b,  0x200b },
        {0x200e,  0x200f },
        {0x2028,  0x202e },
        {0x2060,  0x2064 },
        {0x2066,  0x2069 },
        {0xfeff,  0xfeff },
        {0xfff9,  0xfffb },
        {0xe0000, 0xe007f}
    };

    for (size_t i = 0; i < ARRAY_LENGTH(ranges); i++) {
        if (code_point >= ranges[i].from && code_point <= ranges[i].to)
            return true;
    }
    return false;
}
