#include "milters/spf/spf_check.h"

#include "milters/spf/spf_library.h"
#include "shared/base/domain.h"
#include "shared/base/idn.h"
#include "shared/base/mailbox.h"
#include "shared/dns/dns_name.h"

#include <string.h>

enum { LOCAL_MAX = 2048 }; /* octets of a local part, of HELO: Postfix's own line limit */

void
spf_check_init(void)
{
    spf_library_init();
}

static void
set_address(struct spf_values *values, const struct spf_client *client)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

    memcpy(values->address, client->address, client->address_length);
    values->address_length = client->address_length;
    if (client->address_length == 16 &&
        memcmp(client->address, mapped, sizeof(mapped)) == 0) {
        memcpy(values->address, client->address + sizeof(mapped), 4);
        values->address_length = 4;
    }
}

/*
 * Section 4.3: a domain that there is a sense in asking about.  A final dot is dropped,
 * other letters become A-labels.
 */
static bool
read_domain(struct span text, struct arena *arena, struct span *domain)
{
    struct dns_name name;
    char ascii[DOMAIN_MAX + 1];

    if (span_ends(text, SPAN(".")))
        text = span_first(text, text.length - 1);
    if (!span_is_ascii(text)) {
        if (!idn_to_ascii(text, ascii))
            return false;
        text = arena_span(arena, span_of(ascii));
    }
    *domain = text;
    return dns_name_parse(text, &name) && domain_label_count(text) > 1 &&
           text.data[0] != '[';
}

static struct spf_report
check_domain(const struct spf_client *client, struct span local, struct span domain,
    const struct dns_lookup *lookup, struct arena *arena)
{
    struct spf_report report = {.result = AUTH_NONE, .problem = "no domain to check"};
    struct spf_dns dns = {.lookup = lookup, .arena = arena};
    const struct spf_scope *in_charge = NULL;

    if (local.length > LOCAL_MAX || !read_domain(domain, arena, &domain))
        return report;
    dns.values = (struct spf_values){
        .local = local,
        .sender_domain = domain,
        .helo = span_first(client->helo, LOCAL_MAX),
        .receiver = client->receiver,
        .now = client->now,
    };
    set_address(&dns.values, client);
    report.domain = domain;
    report.result = spf_library_evaluate(&dns, domain, &in_charge);
    report.problem = NULL;
    if (dns.is_decided) {
        report.result = dns.verdict;
        report.problem = dns.problem;
    } else if (report.result == AUTH_FAIL) {
        report.explanation =
            spf_dns_explanation(&dns, &in_charge->record, in_charge->domain);
    }
    return report;
}

/* Without its quotes; "postmaster" where nothing is left of it (section 4.3). */
static struct span
read_local(struct span text, struct arena *arena)
{
    struct span local = SPAN("postmaster");
    struct buffer unquoted;

    buffer_init(&unquoted, text.length);
    if (mailbox_unquote(text, &unquoted) && unquoted.length > 0)
        local = arena_span(arena, buffer_span(&unquoted));
    buffer_clear(&unquoted);
    return local;
}

struct spf_report
spf_check_mailfrom(const struct spf_client *client, struct span mailbox,
    const struct dns_lookup *lookup, struct arena *arena)
{
    size_t at = span_find_last(mailbox, '@');
    struct spf_report report;

    if (mailbox.length == 0)
        report = check_domain(client, SPAN("postmaster"), client->helo, lookup, arena);
    else if (at == SPAN_NONE)
        report = check_domain(client, mailbox, span_make(NULL, 0), lookup, arena);
    else
        report = check_domain(client, read_local(span_first(mailbox, at), arena),
            span_from(mailbox, at + 1), lookup, arena);
    report.identity = SPF_IDENTITY_MAILFROM;
    return report;
}

struct spf_report
spf_check_helo(
    const struct spf_client *client, const struct dns_lookup *lookup, struct arena *arena)
{
    struct spf_report report =
        check_domain(client, SPAN("postmaster"), client->helo, lookup, arena);

    report.identity = SPF_IDENTITY_HELO;
    return report;
}
