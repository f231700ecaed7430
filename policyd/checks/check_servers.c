/*
 * Name servers: whether all of them have the same zone.
 */
#include "policyd/checks/check_answer.h"
#include "policyd/checks/check_dns.h"
#include "shared/base/domain.h"

enum { SERVERS_MAX = 13, ADDRESSES_MAX = 2 };

/* What was heard so far. */
struct zone {
    const struct check_dns *dns;
    struct check *check;
    struct span name; /* where the zone begins */
    unsigned serial;
    const char *first; /* who named it; NULL: nobody yet */
};

static void
ask_server(struct zone *zone, const char *shown, const char *address, const char *family)
{
    const struct check_dns *dns = zone->dns;
    const struct dns_lookup *lookup = dns->server(dns->context, address);
    const struct dns_answer *answer;
    unsigned serial;

    if (lookup == NULL) {
        check_add(zone->check, CHECK_UNKNOWN, "%s, %s %s: can't be asked", shown, family,
            address);
        return;
    }
    answer = dns_lookup_one(lookup, zone->name, DNS_SOA);
    if (answer->status == DNS_LOCAL && span_find(span_of(address), ':') != SPAN_NONE) {
        check_add(zone->check, CHECK_SKIPPED, "%s, %s %s: not to be reached from here",
            shown, family, address);
        return;
    }
    if (answer->status != DNS_OK) {
        check_add(zone->check,
            dns_status_is_temporary(answer->status) ? CHECK_UNKNOWN : CHECK_FAIL,
            "%s, %s %s: %s", shown, family, address,
            dns_status_is_temporary(answer->status)
                ? arena_printf(zone->check->arena, "no answer, %s",
                      dns_status_name(answer->status))
                : "does not have the zone");
        return;
    }
    serial = answer->records[0].preference;
    if (zone->first == NULL) {
        zone->first = shown;
        zone->serial = serial;
    }
    check_add(zone->check, serial == zone->serial ? CHECK_PASS : CHECK_FAIL,
        "%s, %s %s: serial %u", shown, family, address, serial);
}

/* One server, by each of its addresses. */
static void
look_at_server(struct zone *zone, struct span host)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA};
    static const char *const families[] = {"IPv4", "IPv6"};
    const char *shown =
        arena_printf(zone->check->arena, "%.*s", (int)host.length, host.data);
    size_t found = 0;
    bool is_sure = true;

    for (size_t i = 0; i < 2; i++) {
        const struct dns_answer *answer =
            dns_lookup_one(zone->dns->lookup, host, types[i]);

        if (dns_status_is_temporary(answer->status)) {
            check_answer_missing(zone->check, families[i], host, answer);
            is_sure = false;
        }
        for (size_t j = 0; j < answer->count && j < ADDRESSES_MAX; j++)
            ask_server(zone, shown,
                check_address_write(
                    answer->records[j].address, i == 0 ? 4 : 16, zone->check->arena),
                families[i]);
        found += answer->count;
    }
    if (found == 0 && is_sure)
        check_add(zone->check, CHECK_FAIL, "%s: has no address", shown);
}

/* The name itself, else the one above it that has servers. */
void
check_ns_agree(const struct check_dns *dns, struct check *check)
{
    struct zone zone = {.dns = dns, .check = check};
    const struct dns_answer *answer = NULL;

    for (zone.name = dns->domain; zone.name.length > 0;
         zone.name = domain_parent(zone.name)) {
        answer = dns_lookup_one(dns->lookup, zone.name, DNS_NS);
        if (dns_status_is_temporary(answer->status)) {
            check_answer_missing(check, "NS", zone.name, answer);
            return;
        }
        if (answer->count > 0)
            break;
    }
    if (answer == NULL || answer->count == 0) {
        check_add(check, CHECK_FAIL, "no name server is named for %.*s",
            (int)dns->domain.length, dns->domain.data);
        return;
    }
    if (dns->server == NULL) {
        check_add(check, CHECK_UNKNOWN, "the name servers can't be asked one by one");
        return;
    }
    for (size_t i = 0; i < answer->count && i < SERVERS_MAX; i++)
        look_at_server(&zone, answer->records[i].text);
}
