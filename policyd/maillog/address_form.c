#include "policyd/maillog/address_form.h"

#include "shared/base/octet.h"

static bool
is_of_word(char octet)
{
    return octet_is_letter_or_digit(octet) || octet == '_' ||
           (unsigned char)octet >= 0x80;
}

static char
octet_at(struct span text, size_t at)
{
    return at < text.length ? text.data[at] : ' ';
}

/* Behind it no more of a name follows. */
static bool
ends_at(struct span text, size_t at)
{
    char next = octet_at(text, at);

    return !is_of_word(next) && next != '-' &&
           (next != '.' || !is_of_word(octet_at(text, at + 1)));
}

/* In front of it no more of a local part stands. */
static bool
begins_at(struct span text, size_t at, char sign)
{
    char before = at > 0 ? text.data[at - 1] : ' ';

    if (is_of_word(before) || before == '.')
        return false;
    /* What is written into another address stands behind a sign of that one. */
    return sign != '@' || (before != '-' && before != '+');
}

/* A subaddress with its sign; 0: there is none. */
static size_t
tag_length(struct span text)
{
    size_t length = 1;

    if (octet_at(text, 0) != '+')
        return 0;
    while (length < text.length && length <= ADDRESS_FORM_TAG_MAX &&
           (is_of_word(text.data[length]) || text.data[length] == '.' ||
               text.data[length] == '-' || text.data[length] == '+'))
        length++;
    return length;
}

static bool
stands_straight(const struct address_form *address, struct span text, size_t at,
    bool is_anywhere, struct address_place *place)
{
    size_t end = at + address->local.length;
    char sign;

    if (!span_starts_nocase(span_from(text, at), address->local))
        return false;
    end += tag_length(span_from(text, end));
    sign = octet_at(text, end);
    if ((sign != '@' && sign != '=' && sign != '%') ||
        !span_starts_nocase(span_from(text, end + 1), address->domain))
        return false;
    end += 1 + address->domain.length;
    *place = (struct address_place){at, end - at, false, sign};
    return is_anywhere || (begins_at(text, at, sign) && ends_at(text, end) &&
                              (sign == '@' || octet_at(text, end) == '@'));
}

static bool
stands_turned(const struct address_form *address, struct span text, size_t at,
    bool is_anywhere, struct address_place *place)
{
    size_t end = at + address->domain.length;

    if (!span_starts_nocase(span_from(text, at), address->domain) ||
        octet_at(text, end) != '=' ||
        !span_starts_nocase(span_from(text, end + 1), address->local))
        return false;
    end += 1 + address->local.length;
    end += tag_length(span_from(text, end));
    *place = (struct address_place){at, end - at, true, '='};
    return is_anywhere ||
           (at > 0 && text.data[at - 1] == '=' && octet_at(text, end) == '@');
}

bool
address_form_find(const struct address_form *address, struct span text, size_t from,
    bool is_anywhere, struct address_place *place)
{
    char local = span_lower_octet(address->local.data[0]);
    char domain = span_lower_octet(address->domain.data[0]);

    for (size_t at = from; at < text.length; at++) {
        char first = span_lower_octet(text.data[at]);

        if ((first == local && stands_straight(address, text, at, is_anywhere, place)) ||
            (first == domain && stands_turned(address, text, at, is_anywhere, place)))
            return true;
    }
    return false;
}

void
address_form_replace(const struct address_form *address, struct span text,
    struct span local, struct buffer *out)
{
    struct address_place place;
    size_t from = 0;

    while (address_form_find(address, text, from, false, &place)) {
        buffer_append(out, span_make(text.data + from, place.at - from));
        buffer_append(out, place.is_turned ? address->domain : local);
        buffer_append_octet(out, place.sign);
        buffer_append(out, place.is_turned ? local : address->domain);
        from = place.at + place.length;
    }
    buffer_append(out, span_from(text, from));
}
