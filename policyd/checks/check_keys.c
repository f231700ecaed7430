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

/* The domain's own record, else that of a name above it: the first that there is. */
void
check_dmarc_record(const struct check_dns *dns, struct check *check)
{
    for (struct span above = dns->domain; above.length > 0;
         above = domain_parent(above)) {
        struct span name = span_of(
            arena_printf(check->arena, "_dmarc.%.*s", (int)above.length, above.data));
        const struct dns_answer *answer = dns_lookup_one(dns->lookup, name, DNS_TXT);
        struct dmarc_record record;
        struct dmarc_record last = {.usable = false};
        size_t found = 0;

        if (dns_status_is_temporary(answer->status)) {
            check_answer_missing(check, "DMARC", name, answer);
            return;
        }
        for (size_t i = 0; i < answer->count; i++) {
            if (!dmarc_record_parse(answer->records[i].text, &record))
                continue;
            last = record;
            found++;
        }
        if (found == 0)
            continue;
        check_add(check, found == 1 && last.usable ? CHECK_PASS : CHECK_FAIL,
            "%.*s: %s%s%s", (int)name.length, name.data,
            found > 1      ? "more than one record"
            : !last.usable ? "neither a policy nor somewhere to report to"
                           : "p=",
            found == 1 && last.usable ? dmarc_policy_name(last.policy) : "",
            last.repeats ? " (a tag stands twice)" : "");
        return;
    }
    check_add(check, CHECK_FAIL, "_dmarc.%.*s: there is none, nor above it",
        (int)dns->domain.length, dns->domain.data);
}
