/*
 * MX: whether all mail comes in by the gateways, and how fast that can be changed.
 */
#include <string.h>

#include "policyd/checks/check_answer.h"
#include "policyd/checks/check_dns.h"

enum { TTL_MOST = 1800, OURS_MAX = 64 };

static const enum dns_type families[] = {DNS_A, DNS_AAAA};

static const char *
family_name(enum dns_type type)
{
    return type == DNS_A ? "IPv4" : "IPv6";
}

/* Addresses of the gateways, by which a host of another name is known. */
struct ours {
    struct {
        enum dns_type type;
        unsigned char address[16];
    } items[OURS_MAX];
    size_t count;
    bool is_partial; /* a name of ours had no answer */
};

static void
learn_ours(const struct check_dns *dns, struct ours *ours)
{
    ours->count = 0;
    ours->is_partial = false;
    for (size_t i = 0; i < dns->gateways.count * 2; i++) {
        enum dns_type type = families[i % 2];
        const struct dns_answer *answer =
            dns_lookup_one(dns->lookup, span_of(dns->gateways.items[i / 2]), type);

        if (dns_status_is_temporary(answer->status))
            ours->is_partial = true;
        for (size_t j = 0; j < answer->count && ours->count < OURS_MAX; j++) {
            ours->items[ours->count].type = type;
            memcpy(ours->items[ours->count++].address, answer->records[j].address, 16);
        }
    }
}

static bool
is_ours(const struct ours *ours, enum dns_type type, const unsigned char *address)
{
    for (size_t i = 0; i < ours->count; i++) {
        if (ours->items[i].type == type &&
            memcmp(ours->items[i].address, address, type == DNS_A ? 4 : 16) == 0)
            return true;
    }
    return false;
}

static bool
is_named(const struct check_dns *dns, struct span host)
{
    for (size_t i = 0; i < dns->gateways.count; i++) {
        if (span_is_nocase(host, dns->gateways.items[i]))
            return true;
    }
    return false;
}

/* A host of another name, one family: by its addresses. */
static void
look_at_family(const struct check_dns *dns, struct check *check, const struct ours *ours,
    struct span host, enum dns_type type)
{
    const struct dns_answer *answer = dns_lookup_one(dns->lookup, host, type);
    const char *family = family_name(type);

    if (dns_status_is_temporary(answer->status)) {
        check_answer_missing(check, family, host, answer);
        return;
    }
    for (size_t i = 0; i < answer->count; i++) {
        const unsigned char *address = answer->records[i].address;
        bool is_known = is_ours(ours, type, address);

        check_add(check,
            is_known           ? CHECK_PASS
            : ours->is_partial ? CHECK_UNKNOWN
                               : CHECK_FAIL,
            "MX %.*s, %s %s: %s", (int)host.length, host.data, family,
            check_address_write(address, type == DNS_A ? 4 : 16, check->arena),
            is_known ? "an address of a gateway" : "not an address of a gateway");
    }
}

void
check_mx_gateways(const struct check_dns *dns, struct check *check)
{
    const struct dns_answer *answer = check_answer_mx(dns->lookup, dns->domain, check);
    struct ours ours;

    if (answer == NULL)
        return;
    if (dns->gateways.count == 0) {
        check_add(check, CHECK_SKIPPED, "needs [ctl] gateways");
        return;
    }
    learn_ours(dns, &ours);
    for (size_t i = 0; i < answer->count; i++) {
        struct span host = answer->records[i].text;
        size_t before = check->count + check->left_out;

        if (is_named(dns, host)) {
            check_add(check, CHECK_PASS, "MX %u %.*s: a gateway",
                answer->records[i].preference, (int)host.length, host.data);
            continue;
        }
        look_at_family(dns, check, &ours, host, DNS_A);
        look_at_family(dns, check, &ours, host, DNS_AAAA);
        if (check->count + check->left_out == before)
            check_add(check, CHECK_FAIL, "MX %u %.*s: no gateway, and has no address",
                answer->records[i].preference, (int)host.length, host.data);
    }
}

/* A line for each family; a host of one family alone is right. */
static void
look_at_target(const struct check_dns *dns, struct check *check, struct span host)
{
    size_t found = 0;
    bool is_sure = true;

    for (size_t i = 0; i < 2; i++) {
        const struct dns_answer *answer = dns_lookup_one(dns->lookup, host, families[i]);
        const char *family = family_name(families[i]);

        if (dns_status_is_temporary(answer->status)) {
            check_answer_missing(check, family, host, answer);
            is_sure = false;
        } else if (answer->count == 0) {
            check_add(check, CHECK_SKIPPED, "%.*s, %s: none", (int)host.length, host.data,
                family);
        } else if (!span_equal_nocase(answer->owner, host)) {
            check_add(check, CHECK_FAIL, "%.*s, %s: an alias of %.*s", (int)host.length,
                host.data, family, (int)answer->owner.length, answer->owner.data);
        } else {
            check_add(check, CHECK_PASS, "%.*s, %s: %s%s", (int)host.length, host.data,
                family,
                check_address_write(
                    answer->records[0].address, i == 0 ? 4 : 16, check->arena),
                answer->count > 1 ? " and more" : "");
        }
        found += answer->count;
    }
    if (found == 0 && is_sure)
        check_add(check, CHECK_FAIL, "%.*s has no address", (int)host.length, host.data);
}

void
check_mx_target(const struct check_dns *dns, struct check *check)
{
    const struct dns_answer *answer = check_answer_mx(dns->lookup, dns->domain, check);

    for (size_t i = 0; answer != NULL && i < answer->count; i++)
        look_at_target(dns, check, answer->records[i].text);
}

void
check_mx_ttl(const struct check_dns *dns, struct check *check)
{
    const struct dns_answer *answer = check_answer_mx(dns->lookup, dns->domain, check);

    if (answer != NULL)
        check_add(check, answer->ttl <= TTL_MOST ? CHECK_PASS : CHECK_FAIL,
            "TTL as the resolver has it: %u s (at most %d)", (unsigned)answer->ttl,
            TTL_MOST);
}
