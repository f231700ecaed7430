#include "milters/message/encoded_word.h"

struct word {
    struct span before;
    char encoding; /* q or b */
    struct span text;
};

/* The first encoded word of `rest`, which moves behind it. */
static bool
take_word(struct span *rest, struct word *word)
{
    struct span before = *rest;
    struct span part;
    size_t start = span_find_text(*rest, SPAN("=?"));
    size_t end;

    if (start == SPAN_NONE)
        return false;
    word->before = span_first(before, start);
    part = span_from(before, start + 2);
    end = span_find(part, '?'); /* of the charset */
    if (end == SPAN_NONE || part.length < end + 3 || part.data[end + 2] != '?')
        return false;
    word->encoding = span_lower_octet(part.data[end + 1]);
    part = span_from(part, end + 3);
    end = span_find_text(part, SPAN("?="));
    word->text = span_first(part, end == SPAN_NONE ? part.length : end);
    *rest = span_from(part, word->text.length + 2);
    return word->encoding == 'q' || word->encoding == 'b';
}

static int
digit_of(char octet, const char *digits, int count)
{
    for (int i = 0; i < count; i++) {
        if (digits[i] == octet)
            return i;
    }
    return -1;
}

static void
put(struct buffer *out, int octet)
{
    if (octet != 0)
        buffer_append_octet(out, (char)octet);
}

static void
decode_quoted(struct span text, struct buffer *out)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < text.length; i++) {
        int high = -1;
        int low = -1;

        if (text.data[i] == '=' && i + 2 < text.length) {
            high = digit_of(span_lower_octet(text.data[i + 1]), hex, 16);
            low = digit_of(span_lower_octet(text.data[i + 2]), hex, 16);
        }
        if (high >= 0 && low >= 0) {
            put(out, high * 16 + low);
            i += 2;
        } else {
            put(out, text.data[i] == '_' ? ' ' : text.data[i]);
        }
    }
}

/* What is no digit is passed over. */
static void
decode_base64(struct span text, struct buffer *out)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0;
    int count = 0;

    for (size_t i = 0; i < text.length; i++) {
        int digit = digit_of(text.data[i], digits, 64);

        if (digit < 0)
            continue;
        bits = (bits << 6 | (unsigned)digit) & 0xffff;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        put(out, (int)(bits >> count & 0xff));
    }
}

bool
encoded_word_decode(struct span text, struct buffer *out)
{
    struct span rest = text;
    struct word word;
    bool any = false;

    while (take_word(&rest, &word)) {
        /* White space between two of them is not shown. */
        if (!any || span_trim(word.before).length > 0)
            buffer_append(out, word.before);
        any = true;
        if (word.encoding == 'q')
            decode_quoted(word.text, out);
        else
            decode_base64(word.text, out);
    }
    if (any)
        buffer_append(out, rest);
    return any;
}
