#include "milters/auth/auth_checks.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include "shared/base/attributes.h"
#include "shared/base/domain.h"
#include "shared/base/mailbox.h"

enum { IDENTIFIERS_MAX = DKIM_SIGNATURES_MAX + 1 };

static bool
has_brackets_or_controls(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char octet = (unsigned char)text.data[i];

        if (octet < 0x20 || octet == 0x7f || octet == '<' || octet == '>')
            return true;
    }
    return false;
}

/* One quoted string, or nothing but blanks that would need quotes: where those stand, no
 * two readers see another domain. */
static bool
is_plain_local(struct span local)
{
    bool quoted =
        local.length >= 2 && local.data[0] == '"' && local.data[local.length - 1] == '"';

    if (quoted)
        local = span_first(span_from(local, 1), local.length - 2);
    for (size_t i = 0; i < local.length; i++) {
        char octet = local.data[i];

        if (quoted && octet == '\\' && ++i < local.length)
            continue;
        if (quoted ? octet == '"' || octet == '\\'
                   : strchr("(),:;@[]\\\"", octet) != NULL)
            return false;
    }
    return true;
}

/* The same mailbox, whatever of its local part is quoted that need not be. */
static bool
is_same_mailbox(struct span left, struct span right)
{
    size_t left_at = span_find_last(left, '@');
    size_t right_at = span_find_last(right, '@');
    struct buffer left_local;
    struct buffer right_local;
    bool same;

    if (span_equal(left, right))
        return true;
    if (left_at == SPAN_NONE || right_at == SPAN_NONE ||
        !span_equal(span_from(left, left_at), span_from(right, right_at)))
        return false;
    buffer_init(&left_local, left.length);
    buffer_init(&right_local, right.length);
    same = mailbox_unquote(span_first(left, left_at), &left_local) &&
           mailbox_unquote(span_first(right, right_at), &right_local) &&
           span_equal(buffer_span(&left_local), buffer_span(&right_local));
    buffer_clear(&left_local);
    buffer_clear(&right_local);
    return same;
}

static bool
is_plain_mailbox(struct span mailbox)
{
    size_t at = span_find_last(mailbox, '@');

    return !has_brackets_or_controls(mailbox) &&
           is_plain_local(at == SPAN_NONE ? mailbox : span_first(mailbox, at));
}

bool
auth_checks_sender(struct span argument, struct span mail_addr, struct span *mailbox)
{
    if (argument.length >= 2 && argument.data[0] == '<' &&
        argument.data[argument.length - 1] == '>')
        argument = span_first(span_from(argument, 1), argument.length - 2);
    if (!is_plain_mailbox(argument) || !is_plain_mailbox(mail_addr) ||
        !is_same_mailbox(argument, mail_addr))
        return false;
    *mailbox = mail_addr;
    return true;
}

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

static void
check_spf(const struct auth_engines *engines, struct auth_session *session,
    const struct dns_lookup *lookup, struct auth_findings *findings)
{
    bool has_address =
        read_client(session, span_of(engines->config->authserv_id), &findings->client);
    bool is_plain =
        auth_checks_sender(session->sender_argument, session->sender, &findings->mailbox);

    if (!is_plain)
        findings->mailbox = session->sender;
    findings->has_spf = true;
    if (has_address && is_plain)
        findings->spf = spf_check_mailfrom(
            &findings->client, findings->mailbox, lookup, session->arena);
    else
        findings->spf = (struct spf_report){.result = AUTH_NONE,
            .identity = SPF_IDENTITY_MAILFROM,
            .problem = has_address ? "MAIL FROM is no plain mailbox"
                                   : "the client's address is not known"};
    findings->has_helo = has_address && engines->config->spf_helo;
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

void
auth_checks_begin(const struct auth_engines *engines, struct auth_session *session,
    struct auth_findings *findings)
{
    const struct auth_config *config = engines->config;
    struct dns_lookup lookup;

    *findings = (struct auth_findings){0};
    if (session->dns == NULL)
        session->dns = dns_context_new(engines->dns);
    lookup = dns_context_lookup(session->dns);
    author_read(session->fields, session->field_count, &findings->author);
    /* Behind the ceiling there may be another From: nobody can tell. */
    if (session->header_too_large)
        findings->author = (struct author){
            .kind = AUTHOR_BAD, .reason = "header too large to be judged"};
    /* Questions first, so that their answers come while SPF waits for its own. */
    if (config->dkim && !session->header_too_large)
        start_dkim(engines, session, &findings->author, &lookup);
    if (config->dmarc && findings->author.kind == AUTHOR_ONE)
        dmarc_fetch_ask(&lookup, engines->suffixes, span_of(findings->author.domains[0]));
    if (config->spf) {
        ask_spf(session, &lookup, config->spf_helo);
        check_spf(engines, session, &lookup, findings);
    }
    if (session->dkim != NULL)
        dkim_check_begin(session->dkim);
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

        if (signature->domain[0] == '\0' ||
            (signature->result != AUTH_PASS && signature->result != AUTH_TEMPERROR))
            continue;
        identifiers[count++] =
            (struct dmarc_identifier){.domain = span_of(signature->domain),
                .passed = signature->result == AUTH_PASS};
    }
    return count;
}

static void
check_dmarc(const struct auth_engines *engines, struct auth_session *session,
    struct auth_findings *findings)
{
    const struct config_list *exempt = &engines->config->dmarc_exempt;
    struct dns_lookup lookup = dns_context_lookup(session->dns);
    struct dmarc_identifier identifiers[IDENTIFIERS_MAX] = {0};
    size_t count = gather_identifiers(findings, identifiers);

    for (size_t i = 0; i < findings->author.count; i++)
        dmarc_fetch(&lookup, engines->suffixes, span_of(findings->author.domains[i]),
            identifiers, count, &findings->dmarc[findings->dmarc_count++]);
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
