#include "shared/dns/dns_name.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

bool
dns_name_add(struct dns_name *name, struct span label)
{
    if (name->length + 1 + label.length + 1 > sizeof(name->octets))
        return false;
    name->octets[name->length++] = (unsigned char)label.length;
    memcpy(name->octets + name->length, label.data, label.length);
    name->length += label.length;
    return true;
}

bool
dns_name_parse(struct span text, struct dns_name *name)
{
    struct span label;

    name->length = 0;
    if (text.length == 0 || text.length > DNS_NAME_TEXT_MAX)
        return false;
    while (span_split(&text, '.', &label)) {
        if (label.length == 0 || label.length > DNS_NAME_LABEL_MAX ||
            !dns_name_add(name, label))
            return false;
    }
    name->octets[name->length++] = 0;
    return true;
}

bool
dns_name_equal(const struct dns_name *left, const struct dns_name *right)
{
    /* Length octets are below the letters, so folding leaves them alone. */
    return span_equal_nocase(
        span_make(left->octets, left->length), span_make(right->octets, right->length));
}

struct span
dns_name_text(const struct dns_name *name, struct arena *arena)
{
    char text[DNS_NAME_MAX];
    size_t length = 0;

    for (size_t at = 0; name->octets[at] != 0; at += 1U + name->octets[at]) {
        struct span label = span_make(name->octets + at + 1, name->octets[at]);

        if (span_find(label, '.') != SPAN_NONE)
            return SPAN(".");
        if (length > 0)
            text[length++] = '.';
        memcpy(text + length, label.data, label.length);
        length += label.length;
    }
    return arena_span(arena, span_make(text, length));
}

struct span
dns_name_reverse(
    const unsigned char *address, size_t length, char out[DNS_NAME_REVERSE_MAX])
{
    static const char digits[] = "0123456789abcdef";
    char *to = out;

    assert(length == 4 || length == 16);
    if (length == 4)
        return span_make(
            out, (size_t)snprintf(out, DNS_NAME_REVERSE_MAX, "%u.%u.%u.%u.in-addr.arpa",
                     address[3], address[2], address[1], address[0]));
    for (size_t i = length; i-- > 0;) {
        *to++ = digits[address[i] & 15];
        *to++ = '.';
        *to++ = digits[address[i] >> 4];
        *to++ = '.';
    }
    memcpy(to, "ip6.arpa", sizeof("ip6.arpa"));
    return span_make(out, (size_t)(to - out) + sizeof("ip6.arpa") - 1);
}
