#include "policyd/state/recipient.h"

#include <string.h>

#include "shared/base/attributes.h"
#include "shared/base/idn.h"
#include "shared/base/mailbox.h"
#include "shared/base/octet.h"

enum {
    BATV_TAG_MAX = 16,
    /* Quotes and backslashes may double a local part; what is longer is not unquoted. */
    LOCAL_MAX = 2 * RECIPIENT_MAX + 2,
};

/* The part behind `prefix`, a tag and `separator`; all of it where it has another form.
 */
static struct span
without_tag(struct span local, struct span prefix, struct span separator)
{
    struct span rest = span_from(local, prefix.length);
    size_t tag = 0;

    if (!span_starts_nocase(local, prefix))
        return local;
    while (tag < rest.length && tag <= BATV_TAG_MAX &&
           octet_is_letter_or_digit(rest.data[tag]))
        tag++;
    if (tag == 0 || tag > BATV_TAG_MAX || !span_starts(span_from(rest, tag), separator) ||
        rest.length == tag + separator.length)
        return local;
    return span_from(rest, tag + separator.length);
}

/*
 * The part of `prvs=tag=alice` (draft-levine-smtp-batv), or of `btv1==tag==alice` as some
 * appliances write it, that says who it is.
 */
static struct span
without_batv(struct span local)
{
    if (span_starts_nocase(local, SPAN("btv1")))
        return without_tag(local, SPAN("btv1=="), SPAN("=="));
    return without_tag(local, SPAN("prvs="), SPAN("="));
}

/* Names that Postfix's split_addr(3) never cuts. */
static bool
is_whole(struct span local, const char *delimiters)
{
    static const char *const names[] = {"postmaster", "mailer-daemon", "double-bounce"};
    static const struct span owner = {"owner-", 6};
    static const struct span request = {"-request", 8};

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (span_is_nocase(local, names[i]))
            return true;
    }
    if (strchr(delimiters, '-') == NULL)
        return false;
    return span_starts_nocase(local, owner) ||
           (local.length > request.length &&
               span_equal_nocase(
                   span_from(local, local.length - request.length), request));
}

static struct span
without_extension(struct span local, const char *delimiters)
{
    size_t at = 0;

    if (delimiters == NULL || delimiters[0] == '\0' || is_whole(local, delimiters))
        return local;
    while (at < local.length && strchr(delimiters, local.data[at]) == NULL)
        at++;
    return at == 0 ? local : span_first(local, at);
}

/* Writes the canonical local part to the front of recipient->text. */
static bool
write_local(
    struct span local, const struct recipient_rules *rules, struct recipient *recipient)
{
    if (local.length > RECIPIENT_MAX || span_find(local, '\0') != SPAN_NONE)
        return false;
    memcpy(recipient->text, local.data, local.length);
    if (rules->fold_local_part)
        span_lower(recipient->text, local.length);
    local = span_make(recipient->text, local.length);
    local = without_extension(without_batv(local), rules->delimiters);
    memmove(recipient->text, local.data, local.length);
    recipient->local_length = local.length;
    return local.length > 0;
}

static bool
write_unquoted_local(
    struct span quoted, const struct recipient_rules *rules, struct recipient *recipient)
{
    struct buffer local;
    bool done;

    if (quoted.data[0] != '"')
        return write_local(quoted, rules, recipient);
    buffer_init(&local, LOCAL_MAX);
    done = mailbox_unquote(quoted, &local) && local.length > 0 &&
           write_local(buffer_span(&local), rules, recipient);
    buffer_clear(&local);
    return done;
}

static bool
write_domain(const char *domain, struct recipient *recipient)
{
    size_t length = strlen(domain);

    if (recipient->local_length + 1 + length > RECIPIENT_MAX)
        return false;
    recipient->text[recipient->local_length] = '@';
    memcpy(recipient->text + recipient->local_length + 1, domain, length + 1);
    recipient->length = recipient->local_length + 1 + length;
    return true;
}

bool
recipient_parse(
    struct span address, const struct recipient_rules *rules, struct recipient *recipient)
{
    struct mailbox mailbox;
    char domain[DOMAIN_MAX + 1];

    recipient->text[0] = '\0';
    recipient->length = 0;
    recipient->local_length = 0;
    /* An address literal's brackets are no letters of a domain: idn refuses it. */
    if (mailbox_split(address, &mailbox) && mailbox.local.length <= LOCAL_MAX &&
        idn_to_ascii(mailbox.domain, domain) &&
        write_unquoted_local(mailbox.local, rules, recipient) &&
        write_domain(domain, recipient))
        return true;
    recipient->text[0] = '\0';
    recipient->local_length = 0;
    return false;
}

struct span
recipient_address(const struct recipient *recipient)
{
    return span_make(recipient->text, recipient->length);
}

struct span
recipient_local(const struct recipient *recipient)
{
    return span_make(recipient->text, recipient->local_length);
}

struct span
recipient_domain(const struct recipient *recipient)
{
    return span_from(recipient_address(recipient), recipient->local_length + 1);
}
