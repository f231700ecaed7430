/*
 * DKIM keys and the DMARC record.
 */
#include "policyd/checks/check_answer.h"
#include "policyd/checks/check_dns.h"
#include "shared/base/domain.h"
#include "shared/records/dkim_key.h"
#include "shared/records/dmarc_record.h"

static void
look_at_key(const struct check_dns *dns, struct check *check, const char *selector)
{
    struct span name = span_of(arena_printf(check->arena, "%s._domainkey.%.*s", selector,
        (int)dns->domain.length, dns->domain.data));
    const struct dns_answer *answer = dns_lookup_one(dns->lookup, name, DNS_TXT);
    struct dkim_key key;
    const char *wrong = "";

    if (answer->status != DNS_OK)
        check_answer_missing(check, "key", name, answer);
    else if (!dkim_key_choose(answer->records, answer->count, &key, &wrong))
        check_add(check, CHECK_FAIL, "%s: %s", selector, wrong);
    else if (key.revoked)
        check_add(check, CHECK_FAIL, "%s: the key is withdrawn (p= is empty)", selector);
    else if (!key.for_mail || !key.for_sha256)
        check_add(check, CHECK_FAIL, "%s: the key is not for %s", selector,
            key.for_mail ? "SHA-256 (h=)" : "mail (s=)");
    else if (key.type == DKIM_KEY_ED25519)
        check_add(check, CHECK_PASS, "%s: Ed25519%s", selector,
            key.testing ? ", testing (t=y)" : "");
    else
        check_add(check, key.bits >= DKIM_KEY_BITS_MIN ? CHECK_PASS : CHECK_FAIL,
            "%s: RSA, %u bits%s", selector, key.bits,
            key.testing ? ", testing (t=y)" : "");
}

void
check_dkim_keys(const struct check_dns *dns, struct check *check)
{
    for (size_t i = 0; i < dns->selectors.count; i++)
        look_at_key(dns, check, dns->selectors.items[i]);
    if (dns->selectors.count == 0)
        check_add(check, CHECK_SKIPPED, "needs [ctl] dkim_selectors");
}

/* Whether a key of the domain's own is published; *is_sure: all had an answer. */
static bool
has_key(const struct check_dns *dns, struct arena *arena, bool *is_sure)
{
    for (size_t i = 0; i < dns->selectors.count; i++) {
        struct span name = span_of(arena_printf(arena, "%s._domainkey.%.*s",
            dns->selectors.items[i], (int)dns->domain.length, dns->domain.data));
        const struct dns_answer *answer = dns_lookup_one(dns->lookup, name, DNS_TXT);
        struct dkim_key key;
        const char *wrong;

        if (dns_status_is_temporary(answer->status))
            *is_sure = false;
        else if (answer->status == DNS_OK &&
                 dkim_key_choose(answer->records, answer->count, &key, &wrong) &&
                 !key.revoked)
            return true;
    }
    return false;
}

/* Mail of new passes by SPF, whose domain is the sender's, or by a key of the domain. */
static void
look_at_alignment(const struct check_dns *dns, struct check *check)
{
    bool is_sure = true;
    bool has_own_key = has_key(dns, check->arena, &is_sure);

    for (size_t i = 0; i < dns->outbound_new.count; i++) {
        const char *text = dns->outbound_new.items[i];
        enum check_result result = check_spf_passes(dns, text, check->arena);

        if (result == CHECK_PASS)
            check_add(check, CHECK_PASS, "what new sends from %s passes by SPF", text);
        else if (has_own_key)
            check_add(
                check, CHECK_PASS, "what new sends from %s passes by DKIM alone", text);
        else
            check_add(check, result == CHECK_UNKNOWN || !is_sure ? CHECK_UNKNOWN : result,
                "what new sends from %s: %s", text,
                result == CHECK_UNKNOWN || !is_sure
                    ? "SPF or a key had no answer"
                    : "neither SPF nor a key of [ctl] dkim_selectors makes it pass");
    }
}

/* How many records an answer has; *last is the last of them. */
static size_t
read_dmarc(const struct dns_answer *answer, struct dmarc_record *last)
{
    struct dmarc_record record;
    size_t found = 0;

    for (size_t i = 0; i < answer->count; i++) {
        if (!dmarc_record_parse(answer->records[i].text, &record))
            continue;
        *last = record;
        found++;
    }
    return found;
}

static void
tell_dmarc(
    struct check *check, struct span name, size_t found, const struct dmarc_record *last)
{
    bool is_good = found == 1 && last->usable;

    check_add(check, is_good ? CHECK_PASS : CHECK_FAIL, "%.*s: %s%s%s", (int)name.length,
        name.data,
        found > 1       ? "more than one record"
        : !last->usable ? "neither a policy nor somewhere to report to"
                        : "p=",
        is_good ? dmarc_policy_name(last->policy) : "",
        last->repeats ? " (a tag stands twice)" : "");
}

/* The domain's own record, else that of a name above it: the first that there is. */
void
check_dmarc_record(const struct check_dns *dns, struct check *check)
{
    for (struct span above = dns->domain; above.length > 0;
         above = domain_parent(above)) {
        struct span name = span_of(
            arena_printf(check->arena, "_dmarc.%.*s", (int)above.length, above.data));
        const struct dns_answer *answer = dns_lookup_one(dns->lookup, name, DNS_TXT);
        struct dmarc_record last = {.usable = false};
        size_t found;

        if (dns_status_is_temporary(answer->status)) {
            check_answer_missing(check, "DMARC", name, answer);
            return;
        }
        found = read_dmarc(answer, &last);
        if (found == 0)
            continue;
        tell_dmarc(check, name, found, &last);
        if (found == 1 && last.usable)
            look_at_alignment(dns, check);
        return;
    }
    check_add(check, CHECK_FAIL, "_dmarc.%.*s: there is none, nor above it",
        (int)dns->domain.length, dns->domain.data);
}
