#include "milters/auth/auth_checks.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include "milters/spf/spf_sender.h"
#include "shared/base/attributes.h"
#include "shared/base/domain.h"

enum { IDENTIFIERS_MAX = DKIM_SIGNATURES_MAX + 1 };

static bool
read_client(
    const struct auth_session *session, struct span receiver, struct spf_client *client)
{
    *client = (struct spf_client){.helo = span_of(session->client->helo),
        .receiver = receiver,
        .now = (int64_t)time(NULL)};
    if (inet_pton(AF_INET, session->client->address, client->address) == 1)
        client->address_length = 4;
    else if (inet_pton(AF_INET6, session->client->address, client->address) == 1)
        client->address_length = 16;
    return client->address_length > 0;
}

static struct spf_report
no_result(const char *problem)
{
    return (struct spf_report){
        .result = AUTH_NONE, .identity = SPF_IDENTITY_MAILFROM, .problem = problem};
}

/*
 * Of a MAIL FROM that not all read as Postfix does, no pass is told.  One that is no
 * mailbox has no result at all, but what Postfix makes of it may be refused.
 */
static void
check_mail_from(const struct auth_engines *engines, struct auth_session *session,
    const struct dns_lookup *lookup, struct auth_findings *findings)
{
    enum spf_sender kind = spf_sender_read(session->sender_argument, session->sender);
    bool refuses = engines->config->wishes.spf_reject && session->sender.length > 0;
    struct spf_report report = no_result("MAIL FROM is no plain mailbox");

    findings->spf = report;
    if (kind != SPF_SENDER_ODD || refuses)
        report = spf_check_mailfrom(
            &findings->client, findings->mailbox, lookup, session->arena);
    findings->has_odd = kind == SPF_SENDER_ODD && refuses;
    if (findings->has_odd)
        findings->odd = report;
    else if (kind == SPF_SENDER_PLAIN || report.result != AUTH_PASS)
        findings->spf = report;
}

static void
check_spf(const struct auth_engines *engines, struct auth_session *session,
    const struct dns_lookup *lookup, struct auth_findings *findings)
{
    findings->has_spf = true;
    findings->mailbox = session->sender;
    if (!read_client(session, span_of(engines->config->authserv_id), &findings->client)) {
        findings->spf = no_result("the client's address is not known");
        return;
    }
    check_mail_from(engines, session, lookup, findings);
    findings->has_helo = engines->config->spf_helo;
    if (findings->has_helo)
        findings->helo = spf_check_helo(&findings->client, lookup, session->arena);
}

static void
start_dkim(const struct auth_engines *engines, struct auth_session *session,
    const struct author *author, const struct dns_lookup *lookup)
{
    struct dkim_check_options options = {
        .most = engines->config->dkim_max_signatures,
        .length_counts = engines->config->dkim_length_counts,
        .now = (int64_t)time(NULL),
    };

    session->dkim = dkim_check_new(engines->dkim, &options, session->arena);
    dkim_check_start(
        session->dkim, session->fields, session->field_count, author, lookup);
}

/* Asks early for what SPF will ask for later: their answers come in one go. */
static void
ask_spf(const struct auth_session *session, const struct dns_lookup *lookup, bool helo)
{
    size_t at = span_find_last(session->sender, '@');
    struct span domains[] = {
        span_from(session->sender, at == SPAN_NONE ? session->sender.length : at + 1),
        helo || session->sender.length == 0 ? span_of(session->client->helo) : SPAN(""),
    };

    for (size_t i = 0; i < ARRAY_LENGTH(domains); i++) {
        if (domain_is_valid(domains[i]) && domain_label_count(domains[i]) > 1)
            (void)dns_lookup_ask(lookup, domains[i], DNS_TXT);
    }
}

/* Behind the ceiling there may be anything: no signature can be checked. */
static const struct dkim_plan *
plan_of_too_much(struct auth_session *session)
{
    struct dkim_plan *plan = arena_take(session->arena, sizeof(*plan));

    *plan = (struct dkim_plan){.count = session->is_signed, .found = session->is_signed};
    plan->candidates[0].signature = (struct dkim_signature){
        .result = AUTH_NEUTRAL,
        .reason = "header too large to be checked",
        .domain = "",
        .selector = "",
        .identity = "",
        .algorithm_name = "",
    };
    return plan;
}

/* Whose policy is asked for. */
static void
read_authors(const struct auth_engines *engines, const struct auth_session *session,
    struct auth_findings *findings)
{
    struct author *author = &findings->author;
    struct from_domains *judged = &findings->judged;

    author_read(session->fields, session->field_count, author);
    if (session->header_too_large)
        *author = (struct author){
            .kind = AUTHOR_BAD, .reason = "header too large to be judged"};
    if (author->kind != AUTHOR_ONE && engines->config->wishes.dmarc_enforce) {
        from_domains_read(session->fields, session->field_count, judged);
        judged->more |= session->authors_missing;
        return;
    }
    for (; judged->count < author->count; judged->count++)
        memcpy(judged->names[judged->count], author->domains[judged->count],
            sizeof(judged->names[0]));
}

static struct dns_lookup
policy_lookup(const struct auth_session *session)
{
    return dns_context_lookup(session->policy_dns);
}

/* The times that the two contexts of DNS have: see auth_checks.h. */
struct shares {
    uint64_t whole;
    uint64_t policy;
    uint64_t late; /* of `policy`, for the questions of the end */
};

static struct shares
share_time(const struct auth_config *config)
{
    struct shares shares = {.whole = config->dns.message_timeout};

    shares.policy = 2 * config->dns.timeout;
    if (shares.policy > shares.whole / 2)
        shares.policy = shares.whole / 2;
    shares.late = shares.policy / 2;
    return shares;
}

static void
open_dns(const struct auth_engines *engines, struct auth_session *session)
{
    if (session->dns == NULL) {
        session->dns = dns_context_new(engines->dns);
        session->policy_dns = dns_context_new_twin(session->dns);
    }
    dns_context_limit(session->policy_dns, share_time(engines->config).policy);
}

/* Learns what the authors' domains ask for, before anything that a stranger has a say in;
 * the answers stay with the context. */
static void
fetch_policies(const struct auth_engines *engines, struct auth_session *session,
    struct auth_findings *findings)
{
    const struct shares shares = share_time(engines->config);
    struct dns_lookup lookup = policy_lookup(session);
    uint64_t used;

    for (size_t i = 0; i < findings->judged.count; i++)
        dmarc_fetch(&lookup, engines->suffixes, span_of(findings->judged.names[i]), NULL,
            0, &findings->dmarc[i]);
    used = dns_context_used(session->policy_dns);
    dns_context_limit(session->policy_dns, shares.late);
    dns_context_limit(session->dns, shares.whole - used - shares.late);
}

void
auth_checks_begin(const struct auth_engines *engines, struct auth_session *session,
    struct auth_findings *findings)
{
    const struct auth_config *config = engines->config;
    struct dns_lookup lookup;
    struct dns_lookup policies;

    *findings = (struct auth_findings){0};
    open_dns(engines, session);
    lookup = dns_context_lookup(session->dns);
    policies = policy_lookup(session);
    read_authors(engines, session, findings);
    /* All questions first, so that their answers come together. */
    for (size_t i = 0; config->dmarc && i < findings->judged.count; i++)
        dmarc_fetch_ask(&policies, engines->suffixes, span_of(findings->judged.names[i]));
    if (config->dkim && !session->header_too_large)
        start_dkim(engines, session, &findings->author, &lookup);
    if (config->spf)
        ask_spf(session, &lookup, config->spf_helo);
    if (config->dmarc)
        fetch_policies(engines, session, findings);
    if (session->dkim != NULL)
        dkim_check_begin(session->dkim);
    else if (config->dkim)
        findings->dkim = plan_of_too_much(session);
    if (config->spf)
        check_spf(engines, session, &lookup, findings);
}

bool
auth_checks_wants_body(const struct auth_session *session)
{
    return session->dkim != NULL && dkim_check_wants_body(session->dkim);
}

void
auth_checks_body(struct auth_session *session, struct span chunk)
{
    if (auth_checks_wants_body(session))
        dkim_check_body(session->dkim, chunk);
}

static size_t
gather_identifiers(
    const struct auth_findings *findings, struct dmarc_identifier *identifiers)
{
    size_t count = 0;

    if (findings->has_spf && findings->spf.domain.length > 0 &&
        (findings->spf.result == AUTH_PASS || findings->spf.result == AUTH_TEMPERROR))
        identifiers[count++] = (struct dmarc_identifier){.domain = findings->spf.domain,
            .is_spf = true,
            .passed = findings->spf.result == AUTH_PASS};
    for (size_t i = 0; findings->dkim != NULL && i < findings->dkim->count; i++) {
        const struct dkim_signature *signature = &findings->dkim->candidates[i].signature;
        bool passed = signature->result == AUTH_PASS || signature->has_verified;

        if (signature->domain[0] == '\0' ||
            (!passed && signature->result != AUTH_TEMPERROR))
            continue;
        identifiers[count++] = (struct dmarc_identifier){
            .domain = span_of(signature->domain), .passed = passed};
    }
    return count;
}

/* Whether the identifier may be of the author's organization; if not, no walk is needed.
 */
static bool
is_near(struct span domain, struct span author)
{
    while (domain_label_count(author) > 2)
        author = domain_parent(author);
    return domain_is_at_or_below(domain, author);
}

static void
ask_walks(const struct dns_lookup *lookup, const struct dmarc_suffixes *suffixes,
    struct span author, const struct dmarc_identifier *identifiers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!span_equal_nocase(identifiers[i].domain, author) &&
            is_near(identifiers[i].domain, author))
            dmarc_fetch_ask(lookup, suffixes, identifiers[i].domain);
    }
}

static void
check_dmarc(const struct auth_engines *engines, struct auth_session *session,
    struct auth_findings *findings)
{
    const struct config_list *exempt = &engines->config->dmarc_exempt;
    struct dns_lookup lookup = policy_lookup(session);
    struct dmarc_identifier identifiers[IDENTIFIERS_MAX] = {0};
    size_t count = gather_identifiers(findings, identifiers);

    for (; findings->dmarc_count < findings->judged.count; findings->dmarc_count++) {
        struct span author = span_of(findings->judged.names[findings->dmarc_count]);

        if (engines->suffixes == NULL)
            ask_walks(&lookup, engines->suffixes, author, identifiers, count);
        dmarc_fetch(&lookup, engines->suffixes, author, identifiers, count,
            &findings->dmarc[findings->dmarc_count]);
    }
    for (size_t i = 0; i < exempt->count; i++) {
        if (auth_is_exempt(span_of(exempt->items[i]), span_of(session->client->address),
                &findings->author, identifiers, count))
            findings->exempt = true;
    }
}

void
auth_checks_end(const struct auth_engines *engines, struct auth_session *session,
    struct auth_findings *findings)
{
    if (session->dkim != NULL) {
        dkim_check_end(session->dkim);
        findings->dkim = dkim_check_plan(session->dkim);
    }
    findings->has_dmarc = engines->config->dmarc;
    if (findings->has_dmarc)
        check_dmarc(engines, session, findings);
}
