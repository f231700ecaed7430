/*
 * What senders may hold the gateways to: an MTA-STS policy, TLSA records.
 */
#include <inttypes.h>
#include <string.h>

#include "policyd/checks/check_answer.h"
#include "policyd/checks/check_dns.h"
#include "policyd/checks/mta_sts.h"

enum { AGE_LEAST = 86400, HOSTS_MAX = 10, HEAD = 3 };

static const char *
text_of(const struct check *check, struct span text)
{
    return arena_text(check->arena, text);
}

/* --- MTA-STS --- */

static void
look_at_host(const struct mta_sts *policy, struct span host, struct check *check)
{
    bool is_named = mta_sts_names(policy, host);

    check_add(check, is_named ? CHECK_PASS : CHECK_FAIL, "%s: %s", text_of(check, host),
        is_named                          ? "named by the policy"
        : policy->mode == MTA_STS_ENFORCE ? "not named: senders don't deliver to it"
                                          : "not named (the policy is only tested yet)");
}

static void
look_at_policy(const struct check_dns *dns, struct span text, struct check *check)
{
    const struct dns_answer *answer;
    struct mta_sts policy;
    const char *wrong = "";

    if (!mta_sts_parse(text, &policy, &wrong)) {
        check_add(check, CHECK_FAIL, "the policy can't be read: %s", wrong);
        return;
    }
    if (policy.mode == MTA_STS_NONE) {
        check_add(check, CHECK_PASS, "mode: none, which asks for nothing");
        return;
    }
    check_add(check, policy.max_age >= AGE_LEAST ? CHECK_PASS : CHECK_FAIL,
        "max_age: %" PRIu64 " s (at least %d)", policy.max_age, AGE_LEAST);
    for (size_t i = 0; i < dns->gateways.count; i++)
        look_at_host(&policy, span_of(dns->gateways.items[i]), check);
    answer = dns->gateways.count == 0 ? check_answer_mx(dns->lookup, dns->domain, check)
                                      : NULL;
    for (size_t i = 0; answer != NULL && i < answer->count; i++)
        look_at_host(&policy, answer->records[i].text, check);
}

void
check_mta_sts(const struct check_dns *dns, struct check *check)
{
    struct span name = span_of(arena_printf(
        check->arena, "_mta-sts.%.*s", (int)dns->domain.length, dns->domain.data));
    const struct dns_answer *answer = dns_lookup_one(dns->lookup, name, DNS_TXT);
    const char *host = arena_printf(
        check->arena, "mta-sts.%.*s", (int)dns->domain.length, dns->domain.data);
    struct check_document document = {.trouble = "can't be fetched here"};
    size_t announced = 0;

    if (dns_status_is_temporary(answer->status)) {
        check_answer_missing(check, "MTA-STS", name, answer);
        return;
    }
    for (size_t i = 0; i < answer->count; i++)
        announced += mta_sts_is_announced(answer->records[i].text);
    if (announced == 0) {
        check_add(check, CHECK_PASS, "%s: there is none, so no policy counts",
            text_of(check, name));
        return;
    }
    if (announced > 1) {
        check_add(check, CHECK_FAIL, "%s: %zu records, so none counts",
            text_of(check, name), announced);
        return;
    }
    if (dns->fetch != NULL)
        dns->fetch(dns->context, host, "/.well-known/mta-sts.txt", &document);
    if (document.trouble != NULL)
        check_add(check, CHECK_UNKNOWN, "https://%s/.well-known/mta-sts.txt: %s", host,
            document.trouble);
    else if (document.status != 200)
        check_add(check, CHECK_FAIL,
            "https://%s/.well-known/mta-sts.txt: HTTP %u, though the record announces it",
            host, document.status);
    else
        look_at_policy(dns, document.text, check);
}

/* --- TLSA --- */

/* Whether one record is met by a chain: 1; not: 0; it can't be told: -1. */
static int
fits(struct span record, const struct check_chain *chain)
{
    unsigned usage = (unsigned char)record.data[0];
    unsigned selector = (unsigned char)record.data[1];
    unsigned matching = (unsigned char)record.data[2];
    struct span digest = span_from(record, HEAD);
    /* 3: the certificate itself; 2: one that it hangs from. */
    size_t from = usage == 3 ? 0 : 1;
    size_t to = usage == 3 && chain->count > 1 ? 1 : chain->count;

    if (usage < 2)
        return 0; /* senders of mail don't use these (RFC 7672, 3.1.3) */
    if (usage > 3 || selector > 1 || matching != 1 || digest.length != CHECK_DIGEST)
        return -1;
    for (size_t i = from; i < to; i++) {
        const unsigned char *own =
            selector == 0 ? chain->links[i].certificate : chain->links[i].key;

        if (memcmp(own, digest.data, CHECK_DIGEST) == 0)
            return 1;
    }
    return 0;
}

static void
look_at_address(const struct check_dns *dns, const struct dns_answer *records,
    const char *shown, const char *address, const char *family, struct check *check)
{
    struct check_chain chain = {.trouble = "can't be asked here"};
    int best = 0;

    if (dns->chain != NULL)
        dns->chain(dns->context, address, &chain);
    if (chain.trouble != NULL) {
        check_add(
            check, CHECK_UNKNOWN, "%s, %s %s: %s", shown, family, address, chain.trouble);
        return;
    }
    for (size_t i = 0; i < records->count; i++) {
        int one = fits(records->records[i].text, &chain);

        if (one == 1 || (one == -1 && best == 0))
            best = one;
    }
    check_add(check,
        best == 1    ? CHECK_PASS
        : best == -1 ? CHECK_UNKNOWN
                     : CHECK_FAIL,
        "%s, %s %s: %s%s", shown, family, address,
        best == 1    ? "a record fits the certificate"
        : best == -1 ? "a record has a form that is not looked into (SHA-256 is)"
                     : "none of the records fits the certificate",
        records->secure ? "" : " (not signed as this resolver sees it)");
}

/* True: it has records. */
static bool
look_at_tlsa(const struct check_dns *dns, struct span host, struct check *check)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA};
    static const char *const families[] = {"IPv4", "IPv6"};
    struct span name =
        span_of(arena_printf(check->arena, "_25._tcp.%.*s", (int)host.length, host.data));
    const struct dns_answer *records = dns_lookup_one(dns->lookup, name, DNS_TLSA);

    if (dns_status_is_temporary(records->status)) {
        check_answer_missing(check, "TLSA", name, records);
        return true;
    }
    for (size_t i = 0; records->count > 0 && i < 2; i++) {
        const struct dns_answer *answer = dns_lookup_one(dns->lookup, host, types[i]);

        if (dns_status_is_temporary(answer->status))
            check_answer_missing(check, families[i], host, answer);
        else if (answer->count > 0)
            look_at_address(dns, records, text_of(check, host),
                check_address_write(
                    answer->records[0].address, i == 0 ? 4 : 16, check->arena),
                families[i], check);
    }
    return records->count > 0;
}

void
check_tlsa(const struct check_dns *dns, struct check *check)
{
    const struct dns_answer *answer = check_answer_mx(dns->lookup, dns->domain, check);
    bool has_some = false;

    for (size_t i = 0; answer != NULL && i < answer->count && i < HOSTS_MAX; i++)
        has_some = look_at_tlsa(dns, answer->records[i].text, check) || has_some;
    if (answer != NULL && !has_some)
        check_add(check, CHECK_PASS, "no MX host has TLSA records");
}
