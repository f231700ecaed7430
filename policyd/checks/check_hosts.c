/*
 * Addresses that send: their names, and what block lists say.
 */
#include <stdio.h>
#include <string.h>

#include "policyd/checks/check_answer.h"
#include "policyd/checks/check_dns.h"
#include "shared/dns/dns_name.h"

enum { BEHIND_MAX = 10 };

static bool
leads_back(const struct check_dns *dns, struct span name, const unsigned char *address,
    size_t length, bool *is_sure)
{
    const struct dns_answer *answer =
        dns_lookup_one(dns->lookup, name, length == 4 ? DNS_A : DNS_AAAA);

    if (dns_status_is_temporary(answer->status))
        *is_sure = false;
    for (size_t i = 0; i < answer->count; i++) {
        if (memcmp(answer->records[i].address, address, length) == 0)
            return true;
    }
    return false;
}

static void
look_at_ptr(const struct check_dns *dns, struct check *check, const char *text)
{
    unsigned char address[16];
    size_t length = check_address_read(text, address);
    char reverse[DNS_NAME_REVERSE_MAX];
    struct span name;
    const struct dns_answer *answer;
    bool is_sure = true;

    if (length == 0) {
        check_add(check, CHECK_FAIL, "%s: is no single address", text);
        return;
    }
    name = dns_name_reverse(address, length, reverse);
    answer = dns_lookup_one(dns->lookup, name, DNS_PTR);
    if (answer->status != DNS_OK) {
        check_answer_missing(
            check, arena_printf(check->arena, "%s: PTR", text), name, answer);
        return;
    }
    for (size_t i = 0; i < answer->count && i < BEHIND_MAX; i++) {
        struct span host = answer->records[i].text;

        if (!leads_back(dns, host, address, length, &is_sure))
            continue;
        check_add(check, CHECK_PASS, "%s is %.*s, which leads back to it", text,
            (int)host.length, host.data);
        return;
    }
    check_add(check, is_sure ? CHECK_FAIL : CHECK_UNKNOWN, "%s is %.*s, %s", text,
        (int)answer->records[0].text.length, answer->records[0].text.data,
        is_sure ? "which does not lead back to it" : "whose address had no answer");
}

static const struct check_texts *
sides(const struct check_dns *dns, size_t i)
{
    return i == 0 ? &dns->outbound_old : &dns->outbound_new;
}

void
check_ptr(const struct check_dns *dns, struct check *check)
{
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < sides(dns, i)->count; j++)
            look_at_ptr(dns, check, sides(dns, i)->items[j]);
    }
    if (check->count == 0)
        check_add(check, CHECK_SKIPPED, "needs [ctl] outbound_old, outbound_new");
}

/* "4.3.2.1.ZONE": the reverse name without its own two labels. */
static struct span
listed_name(
    const unsigned char *address, size_t length, const char *zone, struct arena *arena)
{
    char reverse[DNS_NAME_REVERSE_MAX];
    struct span name = dns_name_reverse(address, length, reverse);
    struct span bare = span_first(
        name, span_find_text(name, length == 4 ? SPAN(".in-addr.") : SPAN(".ip6.")));

    return span_of(arena_printf(arena, "%.*s.%s", (int)bare.length, bare.data, zone));
}

static void
look_at_list(
    const struct check_dns *dns, struct check *check, const char *text, const char *zone)
{
    unsigned char address[16];
    size_t length = check_address_read(text, address);
    const struct dns_answer *answer;
    const unsigned char *said;

    if (length == 0) {
        check_add(check, CHECK_FAIL, "%s: is no single address", text);
        return;
    }
    answer = dns_lookup_one(
        dns->lookup, listed_name(address, length, zone, check->arena), DNS_A);
    said = answer->count > 0 ? answer->records[0].address : NULL;
    if (dns_status_is_temporary(answer->status))
        check_add(check, CHECK_UNKNOWN, "%s at %s: no answer, %s", text, zone,
            dns_status_name(answer->status));
    else if (said == NULL)
        check_add(check, CHECK_PASS, "%s at %s: not listed", text, zone);
    else if (said[0] == 127 && said[1] == 255 && said[2] == 255)
        check_add(check, CHECK_UNKNOWN,
            "%s at %s: the list refuses your resolver (%s): ask by a resolver of your "
            "own",
            text, zone, check_address_write(said, 4, check->arena));
    else if (said[0] != 127)
        check_add(check, CHECK_UNKNOWN,
            "%s at %s: %s is no answer of a block list (a zone that is gone?)", text,
            zone, check_address_write(said, 4, check->arena));
    else
        check_add(check, CHECK_FAIL, "%s at %s: listed (%s)", text, zone,
            check_address_write(said, 4, check->arena));
}

void
check_dnsbl(const struct check_dns *dns, struct check *check)
{
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < sides(dns, i)->count * dns->zones.count; j++)
            look_at_list(dns, check, sides(dns, i)->items[j / dns->zones.count],
                dns->zones.items[j % dns->zones.count]);
    }
    if (check->count == 0)
        check_add(check, CHECK_SKIPPED, "needs [ctl] dnsbl%s",
            dns->outbound_old.count + dns->outbound_new.count == 0
                ? " and outbound_old, outbound_new"
                : "");
}
