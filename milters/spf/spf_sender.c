#include "milters/spf/spf_sender.h"

#include "shared/base/buffer.h"
#include "shared/base/mailbox.h"

#include <string.h>

static struct span
without_brackets(struct span argument)
{
    if (argument.length >= 2 && argument.data[0] == '<' &&
        argument.data[argument.length - 1] == '>')
        argument = span_first(span_from(argument, 1), argument.length - 2);
    return argument;
}

/* The octets of one whole quoted string at the front; 0 where there is none. */
static size_t
quoted_length(struct span text)
{
    for (size_t i = 1; i < text.length; i++) {
        if (text.data[i] == '"')
            return i + 1;
        if (text.data[i] == '\\')
            i++;
    }
    return 0;
}

static bool
is_special(char octet)
{
    unsigned char code = (unsigned char)octet;

    return code < 0x20 || code == 0x7f || strchr("(),:;<>@[]\\\"", octet) != NULL;
}

static size_t
plain_length(struct span text)
{
    size_t length = 0;

    while (length < text.length && !is_special(text.data[length]))
        length++;
    return length;
}

static struct span
without_final_dot(struct span domain)
{
    if (span_ends(domain, SPAN(".")))
        domain.length--;
    return domain;
}

static bool
is_plain_domain(struct span domain)
{
    return plain_length(domain) == domain.length && span_find(domain, ' ') == SPAN_NONE &&
           span_find(domain, '\'') == SPAN_NONE;
}

/* The same text, quotes aside, and none that a careless reader ends an address at. */
static bool
is_same_local(struct span left, struct span right)
{
    struct buffer plain[2];
    bool same;

    buffer_init(&plain[0], left.length);
    buffer_init(&plain[1], right.length);
    same = mailbox_unquote(left, &plain[0]) && mailbox_unquote(right, &plain[1]) &&
           span_equal(buffer_span(&plain[0]), buffer_span(&plain[1])) &&
           !span_has_control(left) && span_find(left, '<') == SPAN_NONE &&
           span_find(left, '>') == SPAN_NONE;
    buffer_clear(&plain[0]);
    buffer_clear(&plain[1]);
    return same;
}

/* Whether a local part is one quoted string, or has no specials. */
static size_t
local_length(struct span mailbox)
{
    return span_starts(mailbox, SPAN("\"")) ? quoted_length(mailbox)
                                            : plain_length(mailbox);
}

enum spf_sender
spf_sender_read(struct span argument, struct span mail_addr)
{
    struct span raw = without_brackets(argument);
    size_t at = span_find_last(mail_addr, '@');
    size_t local = local_length(raw);
    struct span domain = span_from(raw, local + 1);
    struct span other = span_first(mail_addr, at);

    if (raw.length == 0 || mail_addr.length == 0 || at == SPAN_NONE)
        return span_equal(raw, mail_addr) && local == raw.length ? SPF_SENDER_PLAIN
                                                                 : SPF_SENDER_ODD;
    if (local == 0 || local >= raw.length || raw.data[local] != '@' ||
        !is_plain_domain(domain) ||
        !span_equal_nocase(
            without_final_dot(domain), without_final_dot(span_from(mail_addr, at + 1))))
        return SPF_SENDER_ODD;
    return local_length(other) == other.length &&
                   is_same_local(span_first(raw, local), other)
               ? SPF_SENDER_PLAIN
               : SPF_SENDER_QUOTED;
}
