/*
 * SPF: its limits as receivers count them (RFC 7208 section 4.6.4), and whether an
 * address passes.
 *
 * Counted are terms that ask DNS: include, a, mx, ptr, exists, redirect; the addresses of
 * the hosts that one mx names count for nothing of their own.  Void is what a term asked
 * for and found nothing.
 *
 * Limits: ptr counts and never matches; macros are filled in for postmaster of the
 * domain.
 */
#include <stdio.h>
#include <string.h>

#include "policyd/checks/check_answer.h"
#include "policyd/checks/check_dns.h"
#include "shared/records/spf_macro.h"
#include "shared/records/spf_record.h"

enum {
    TERMS_MOST = 10,
    VOIDS_MOST = 2,
    DEPTH_MOST = 12,
    HOSTS_MOST = 10,
    TERMS_CEILING = 60
};

enum spf_answer {
    SPF_ANSWER_NONE,
    SPF_ANSWER_PASS,
    SPF_ANSWER_OTHER, /* fail, softfail, neutral */
    SPF_ANSWER_BROKEN,
    SPF_ANSWER_UNKNOWN,
};

struct walk {
    const struct check_dns *dns;
    struct arena *arena;
    const unsigned char *address; /* NULL: nothing matches, all is counted */
    size_t length;
    unsigned terms;
    unsigned voids;
    char said[200]; /* the record's own qualifier, or what is wrong */
    char unanswered[200];
};

/* NOLINTBEGIN(misc-no-recursion): at most DEPTH_MOST deep */
static enum spf_answer walk_domain(struct walk *walk, struct span domain, int depth);

static void
set_text(char out[200], const char *what, struct span name)
{
    (void)snprintf(out, 200, "%s of %.*s", what, (int)name.length, name.data);
}

/* NULL: no answer, which may be otherwise later. */
static const struct dns_answer *
ask(struct walk *walk, struct span name, enum dns_type type)
{
    const struct dns_answer *answer = dns_lookup_one(walk->dns->lookup, name, type);

    if (dns_status_is_temporary(answer->status)) {
        (void)snprintf(walk->unanswered, sizeof(walk->unanswered), "%.*s: no answer, %s",
            (int)name.length, name.data, dns_status_name(answer->status));
        return NULL;
    }
    return answer;
}

static bool
is_in(const struct walk *walk, const unsigned char *network, size_t length, unsigned bits)
{
    size_t whole = bits / 8;

    if (walk->address == NULL || walk->length != length || bits > length * 8 ||
        memcmp(walk->address, network, whole) != 0)
        return false;
    return bits % 8 == 0 ||
           ((walk->address[whole] ^ network[whole]) >> (8 - bits % 8)) == 0;
}

static unsigned
prefix_of(const struct walk *walk, const struct spf_term *term)
{
    return walk->length == 16 ? term->prefix6 : term->prefix4;
}

/* The name that a term is about. */
static struct span
target_of(struct walk *walk, struct span spec, struct span domain)
{
    struct spf_values values = {
        .local = SPAN("postmaster"),
        .sender_domain = walk->dns->domain,
        .domain = domain,
        .helo = walk->dns->domain,
        .validated = SPAN("unknown"),
        .receiver = SPAN("unknown"),
        .address_length = walk->length,
    };
    char name[SPF_MACRO_NAME_MAX];

    if (spec.length == 0)
        return domain;
    if (walk->address != NULL)
        memcpy(values.address, walk->address, walk->length);
    return arena_span(walk->arena, spf_macro_name(spec, &values, name));
}

static bool
host_matches(struct walk *walk, struct span host, const struct spf_term *term,
    bool *is_void, bool *is_sure)
{
    const struct dns_answer *answer =
        ask(walk, host, walk->length == 16 ? DNS_AAAA : DNS_A);

    if (answer == NULL) {
        *is_sure = false;
        return false;
    }
    *is_void = answer->count == 0;
    for (size_t i = 0; i < answer->count; i++) {
        if (is_in(walk, answer->records[i].address, walk->length, prefix_of(walk, term)))
            return true;
    }
    return false;
}

static bool
mx_matches(
    struct walk *walk, struct span name, const struct spf_term *term, bool *is_sure)
{
    const struct dns_answer *answer = ask(walk, name, DNS_MX);
    bool is_void;

    if (answer == NULL) {
        *is_sure = false;
        return false;
    }
    walk->voids += answer->count == 0;
    for (size_t i = 0; i < answer->count && i < HOSTS_MOST && walk->address != NULL;
         i++) {
        if (host_matches(walk, answer->records[i].text, term, &is_void, is_sure))
            return true;
    }
    return false;
}

static bool
exists_matches(struct walk *walk, struct span name, bool *is_sure)
{
    const struct dns_answer *answer = ask(walk, name, DNS_A);

    *is_sure = *is_sure && answer != NULL;
    walk->voids += answer != NULL && answer->count == 0;
    return answer != NULL && answer->count > 0 && walk->address != NULL;
}

/* What an include says; false with *answer where it ends all. */
static bool
include_matches(struct walk *walk, struct span name, int depth, enum spf_answer *answer)
{
    enum spf_answer inner = walk_domain(walk, name, depth + 1);

    if (inner == SPF_ANSWER_NONE) {
        set_text(walk->said, "include finds no record", name);
        inner = SPF_ANSWER_BROKEN;
    }
    if (inner == SPF_ANSWER_BROKEN || inner == SPF_ANSWER_UNKNOWN)
        *answer = inner;
    return inner == SPF_ANSWER_PASS;
}

static bool
term_matches(struct walk *walk, const struct spf_term *term, struct span domain,
    int depth, enum spf_answer *broken)
{
    struct span name = target_of(walk, term->domain, domain);
    bool is_sure = true;
    bool is_void = false;
    bool matches = false;

    switch (term->mechanism) {
    case SPF_ALL:
        return walk->address != NULL;
    case SPF_IP4:
        return is_in(walk, term->address, 4, term->prefix4);
    case SPF_IP6:
        return is_in(walk, term->address, 16, term->prefix6);
    case SPF_INCLUDE:
        walk->terms++;
        return include_matches(walk, name, depth, broken);
    case SPF_A:
        walk->terms++;
        matches = host_matches(walk, name, term, &is_void, &is_sure);
        walk->voids += is_void;
        break;
    case SPF_MX:
        walk->terms++;
        matches = mx_matches(walk, name, term, &is_sure);
        break;
    case SPF_EXISTS:
        walk->terms++;
        if (walk->address != NULL || span_find(term->domain, '%') == SPAN_NONE)
            matches = exists_matches(walk, name, &is_sure);
        break;
    case SPF_PTR:
        walk->terms++;
        return false;
    default:
        return false;
    }
    if (!is_sure)
        *broken = SPF_ANSWER_UNKNOWN;
    return matches;
}

static enum spf_answer
walk_terms(
    struct walk *walk, const struct spf_record *record, struct span domain, int depth)
{
    struct span terms = record->terms;
    struct spf_term term;

    while (spf_record_next(&terms, &term)) {
        enum spf_answer broken = SPF_ANSWER_NONE;
        bool matches = term_matches(walk, &term, domain, depth, &broken);

        if (broken != SPF_ANSWER_NONE)
            return broken;
        if (walk->address != NULL && walk->terms > TERMS_MOST) {
            (void)snprintf(
                walk->said, sizeof(walk->said), "more than %d terms", TERMS_MOST);
            return SPF_ANSWER_BROKEN;
        }
        if (walk->terms > TERMS_CEILING)
            return SPF_ANSWER_BROKEN;
        if (!matches)
            continue;
        (void)snprintf(walk->said, sizeof(walk->said), "by \"%c\" in the record of %.*s",
            term.qualifier, (int)domain.length, domain.data);
        return term.qualifier == '+' ? SPF_ANSWER_PASS : SPF_ANSWER_OTHER;
    }
    if (record->redirect.length > 0 && !record->has_all) {
        walk->terms++;
        return walk_domain(walk, target_of(walk, record->redirect, domain), depth + 1);
    }
    (void)snprintf(walk->said, sizeof(walk->said), "no term of the record matches");
    return SPF_ANSWER_OTHER;
}

static enum spf_answer
walk_domain(struct walk *walk, struct span domain, int depth)
{
    const struct dns_answer *answer = ask(walk, domain, DNS_TXT);
    struct spf_record record;
    struct span text;
    const char *problem = "";
    unsigned found;

    if (answer == NULL)
        return SPF_ANSWER_UNKNOWN;
    found = spf_record_select(answer, &text);
    if (found == 0)
        return SPF_ANSWER_NONE;
    if (found > 1 || depth > DEPTH_MOST || !spf_record_parse(text, &record, &problem)) {
        set_text(walk->said,
            found > 1            ? "more than one record"
            : depth > DEPTH_MOST ? "too many includes"
                                 : problem,
            domain);
        return SPF_ANSWER_BROKEN;
    }
    return walk_terms(walk, &record, domain, depth);
}

/* NOLINTEND(misc-no-recursion) */

void
check_spf_record(const struct check_dns *dns, struct check *check)
{
    struct walk walk = {.dns = dns, .arena = check->arena, .length = 4};

    switch (walk_domain(&walk, dns->domain, 0)) {
    case SPF_ANSWER_UNKNOWN:
        check_add(check, CHECK_UNKNOWN, "%s", walk.unanswered);
        return;
    case SPF_ANSWER_NONE:
        check_add(check, CHECK_FAIL, "%.*s has no SPF record", (int)dns->domain.length,
            dns->domain.data);
        return;
    case SPF_ANSWER_BROKEN:
        check_add(
            check, CHECK_FAIL, "%s", walk.said[0] != '\0' ? walk.said : "too many terms");
        return;
    case SPF_ANSWER_PASS:
    case SPF_ANSWER_OTHER:
    default:
        break;
    }
    check_add(check, walk.terms <= TERMS_MOST ? CHECK_PASS : CHECK_FAIL,
        "%u terms that ask DNS (at most %d)", walk.terms, TERMS_MOST);
    check_add(check, walk.voids <= VOIDS_MOST ? CHECK_PASS : CHECK_FAIL,
        "%u of them find nothing (at most %d)", walk.voids, VOIDS_MOST);
}

static void
look_at_address(
    const struct check_dns *dns, struct check *check, const char *side, const char *text)
{
    unsigned char address[16];
    struct walk walk = {.dns = dns, .arena = check->arena, .address = address};
    enum spf_answer answer;
    const char *family;

    walk.length = check_address_read(text, address);
    if (walk.length == 0) {
        check_add(check, CHECK_FAIL, "%s %s: is no single address", side, text);
        return;
    }
    family = walk.length == 4 ? "IPv4" : "IPv6";
    answer = walk_domain(&walk, dns->domain, 0);
    if (answer == SPF_ANSWER_UNKNOWN)
        check_add(
            check, CHECK_UNKNOWN, "%s %s, %s: %s", side, text, family, walk.unanswered);
    else if (answer == SPF_ANSWER_PASS)
        check_add(check, CHECK_PASS, "%s %s, %s: passes", side, text, family);
    else
        check_add(check, CHECK_FAIL, "%s %s, %s: does not pass: %s", side, text, family,
            answer == SPF_ANSWER_NONE ? "there is no record" : walk.said);
}

void
check_spf_outbound(const struct check_dns *dns, struct check *check)
{
    for (size_t i = 0; i < dns->outbound_old.count; i++)
        look_at_address(dns, check, "old", dns->outbound_old.items[i]);
    for (size_t i = 0; i < dns->outbound_new.count; i++)
        look_at_address(dns, check, "new", dns->outbound_new.items[i]);
    if (dns->outbound_old.count == 0 || dns->outbound_new.count == 0)
        check_add(check, CHECK_SKIPPED, "needs [ctl] %s%s%s",
            dns->outbound_old.count == 0 ? "outbound_old" : "",
            dns->outbound_old.count + dns->outbound_new.count == 0 ? ", " : "",
            dns->outbound_new.count == 0 ? "outbound_new" : "");
}

enum check_result
check_spf_passes(const struct check_dns *dns, const char *text, struct arena *arena)
{
    unsigned char address[16];
    struct walk walk = {.dns = dns, .arena = arena, .address = address};

    walk.length = check_address_read(text, address);
    switch (walk.length == 0 ? SPF_ANSWER_NONE : walk_domain(&walk, dns->domain, 0)) {
    case SPF_ANSWER_PASS:
        return CHECK_PASS;
    case SPF_ANSWER_UNKNOWN:
        return CHECK_UNKNOWN;
    case SPF_ANSWER_NONE:
    case SPF_ANSWER_OTHER:
    case SPF_ANSWER_BROKEN:
    default:
        return CHECK_FAIL;
    }
}
