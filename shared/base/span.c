#include "shared/base/span.h"

#include "shared/base/octet.h"

#include <string.h>

static bool
octets_equal_nocase(const char *left, const char *right, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (span_lower_octet(left[i]) != span_lower_octet(right[i]))
            return false;
    }
    return true;
}

struct span
span_make(const void *data, size_t length)
{
    return (struct span){data, length};
}

struct span
span_of(const char *text)
{
    return (struct span){text, text == NULL ? 0 : strlen(text)};
}

bool
span_equal(struct span left, struct span right)
{
    return left.length == right.length &&
           (left.length == 0 || memcmp(left.data, right.data, left.length) == 0);
}

bool
span_equal_nocase(struct span left, struct span right)
{
    return left.length == right.length &&
           octets_equal_nocase(left.data, right.data, left.length);
}

int
span_compare(struct span left, struct span right)
{
    size_t common = left.length < right.length ? left.length : right.length;
    int order = common == 0 ? 0 : memcmp(left.data, right.data, common);

    if (order != 0)
        return order;
    return (left.length > right.length) - (left.length < right.length);
}

bool
span_is(struct span span, const char *text)
{
    return span_equal(span, span_of(text));
}

bool
span_is_nocase(struct span span, const char *text)
{
    return span_equal_nocase(span, span_of(text));
}

bool
span_starts(struct span span, struct span prefix)
{
    return span.length >= prefix.length &&
           span_equal(span_first(span, prefix.length), prefix);
}

bool
span_starts_nocase(struct span span, struct span prefix)
{
    return span.length >= prefix.length &&
           span_equal_nocase(span_first(span, prefix.length), prefix);
}

bool
span_ends(struct span span, struct span suffix)
{
    return span.length >= suffix.length &&
           span_equal(span_from(span, span.length - suffix.length), suffix);
}

struct span
span_from(struct span span, size_t count)
{
    if (count > span.length)
        count = span.length;
    if (count == 0)
        return span;
    return (struct span){span.data + count, span.length - count};
}

struct span
span_first(struct span span, size_t count)
{
    return (struct span){span.data, count < span.length ? count : span.length};
}

size_t
span_find(struct span span, char octet)
{
    const char *found = span.length == 0 ? NULL : memchr(span.data, octet, span.length);

    return found == NULL ? SPAN_NONE : (size_t)(found - span.data);
}

size_t
span_find_last(struct span span, char octet)
{
    for (size_t i = span.length; i > 0; i--) {
        if (span.data[i - 1] == octet)
            return i - 1;
    }
    return SPAN_NONE;
}

size_t
span_find_text(struct span span, struct span wanted)
{
    const char *found;

    if (wanted.length == 0)
        return 0;
    if (span.length < wanted.length)
        return SPAN_NONE;
    found = memmem(span.data, span.length, wanted.data, wanted.length);
    return found == NULL ? SPAN_NONE : (size_t)(found - span.data);
}

size_t
span_find_text_nocase(struct span span, struct span wanted)
{
    for (size_t i = 0; i + wanted.length <= span.length; i++) {
        if (octets_equal_nocase(span.data + i, wanted.data, wanted.length))
            return i;
    }
    return SPAN_NONE;
}

struct span
span_trim(struct span span)
{
    while (span.length > 0 && octet_is_white(span.data[0]))
        span = span_from(span, 1);
    while (span.length > 0 && octet_is_white(span.data[span.length - 1]))
        span.length--;
    return span;
}

bool
span_split(struct span *rest, char separator, struct span *part)
{
    size_t at;

    if (rest->data == NULL)
        return false;
    at = span_find(*rest, separator);
    if (at == SPAN_NONE) {
        *part = *rest;
        *rest = (struct span){NULL, 0};
        return true;
    }
    *part = span_first(*rest, at);
    *rest = span_from(*rest, at + 1);
    return true;
}

size_t
span_count_parts(struct span text, char separator)
{
    size_t count = 1;

    if (text.data == NULL)
        return 0;
    for (size_t i = 0; i < text.length; i++)
        count += text.data[i] == separator;
    return count;
}

bool
span_take(struct span *rest, struct span prefix)
{
    if (!span_starts(*rest, prefix))
        return false;
    *rest = span_from(*rest, prefix.length);
    return true;
}

bool
span_line(struct span *rest, struct span *line)
{
    size_t end = span_find(*rest, '\n');

    if (end == SPAN_NONE)
        return false;
    *line = span_first(*rest, end);
    *rest = span_from(*rest, end + 1);
    if (line->length > 0 && line->data[line->length - 1] == '\r')
        line->length--;
    return true;
}

bool
span_word(struct span *rest, struct span *word)
{
    size_t end = 0;

    while (rest->length > 0 && octet_is_blank(rest->data[0]))
        *rest = span_from(*rest, 1);
    if (rest->length == 0)
        return false;
    while (end < rest->length && !octet_is_blank(rest->data[end]))
        end++;
    *word = span_first(*rest, end);
    *rest = span_from(*rest, end);
    return true;
}

bool
span_has_control(struct span span)
{
    for (size_t i = 0; i < span.length; i++) {
        unsigned char octet = (unsigned char)span.data[i];

        if (octet < 0x20 || octet == 0x7f)
            return true;
    }
    return false;
}

bool
span_is_ascii(struct span span)
{
    for (size_t i = 0; i < span.length; i++) {
        if ((unsigned char)span.data[i] >= 0x80)
            return false;
    }
    return true;
}

bool
span_copy(struct span span, char *out, size_t size)
{
    if (size == 0)
        return false;
    out[0] = '\0';
    if (span.length >= size || span_find(span, '\0') != SPAN_NONE)
        return false;
    if (span.length > 0)
        memcpy(out, span.data, span.length);
    out[span.length] = '\0';
    return true;
}

void
span_lower(char *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        data[i] = span_lower_octet(data[i]);
}

char
span_lower_octet(char octet)
{
    if (octet >= 'A' && octet <= 'Z')
        return (char)(octet - 'A' + 'a');
    return octet;
}
