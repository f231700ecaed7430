#include "milters/auth/auth_decide.h"

#include "shared/base/network.h"

enum { REPLY_MAX = 400 }; /* octets of a reply's text */

/* Text of strangers for a reply: printable ASCII, and what fits. */
static void
append_printable(struct buffer *out, struct span text)
{
    for (size_t i = 0; i < text.length && out->length < REPLY_MAX; i++) {
        char octet = text.data[i];

        if (octet < ' ' || octet >= 0x7f)
            octet = '?';
        buffer_append_octet(out, octet);
    }
}

static void
append_words(struct buffer *out, const char *words)
{
    append_printable(out, span_of(words));
}

static void
refuse(struct verdict *verdict, struct arena *arena, const char *enhanced,
    struct buffer *text, const char *reason)
{
    verdict->action = enhanced[0] == '5' ? VERDICT_REJECT : VERDICT_TEMPFAIL;
    verdict->code = enhanced[0] == '5' ? "550" : "451";
    verdict->enhanced = enhanced;
    verdict->text = arena_text(arena, buffer_span(text));
    verdict->reason = reason;
    buffer_clear(text);
}

static bool
decide_spf(const struct auth_facts *facts, struct arena *arena, struct verdict *verdict)
{
    for (size_t i = 0; i < facts->spf_count; i++) {
        const struct auth_spf_fact *fact = &facts->spf[i];
        struct buffer text;

        if (fact->result != AUTH_FAIL)
            continue;
        buffer_init(&text, REPLY_MAX);
        append_words(&text, "SPF fail: ");
        append_printable(&text, fact->domain);
        if (fact->explanation.length > 0) {
            append_words(&text, " explains: ");
            append_printable(&text, fact->explanation);
        } else {
            append_words(&text, " does not allow ");
            append_printable(&text, facts->client_address);
        }
        refuse(verdict, arena, "5.7.23", &text, "spf fail");
        return true;
    }
    return false;
}

static void
refuse_bad_from(
    const struct auth_facts *facts, struct arena *arena, struct verdict *verdict)
{
    struct buffer text;

    buffer_init(&text, REPLY_MAX);
    append_words(&text, "DMARC: no author can be told: ");
    append_words(&text, facts->author->reason);
    refuse(verdict, arena, "5.7.1", &text, facts->author->reason);
}

static const char *
domain_at(const struct auth_facts *facts, size_t at)
{
    return facts->judged == NULL ? facts->author->domains[at] : facts->judged->names[at];
}

/* The domain that asks for most among those with that result; NULL where none asks for
 * anything. */
static const char *
strictest(
    const struct auth_facts *facts, enum auth_result result, enum dmarc_policy *policy)
{
    const char *domain = NULL;

    *policy = DMARC_POLICY_NONE;
    for (size_t i = 0; i < facts->dmarc_count; i++) {
        if (facts->dmarc[i].result != result || facts->dmarc[i].policy <= *policy)
            continue;
        *policy = facts->dmarc[i].policy;
        domain = domain_at(facts, i);
    }
    return domain;
}

/* The domain that would ask for something if it were known to fail. */
static const char *
find_unproven(const struct auth_facts *facts)
{
    enum dmarc_policy policy;
    const char *domain = strictest(facts, AUTH_TEMPERROR, &policy);

    if (facts->author == NULL || facts->author->kind == AUTHOR_ONE)
        return domain;
    for (size_t i = 0; i < facts->dmarc_count && domain == NULL; i++) {
        if (facts->dmarc[i].result == AUTH_TEMPERROR)
            domain = domain_at(facts, i);
    }
    return domain;
}

static void
defer_unproven(const char *domain, struct arena *arena, struct verdict *verdict)
{
    struct buffer text;

    buffer_init(&text, REPLY_MAX);
    append_words(&text, "DNS gave no answer to check the DMARC policy of ");
    append_words(&text, domain);
    append_words(&text, " with; try again later");
    refuse(verdict, arena, "4.4.3", &text,
        arena_printf(arena, "dmarc of %s can't be checked", domain));
}

static void
refuse_too_many(struct arena *arena, struct verdict *verdict)
{
    struct buffer text;

    buffer_init(&text, REPLY_MAX);
    append_words(&text, "DMARC: more author domains than can be checked");
    refuse(verdict, arena, "5.7.1", &text, "too many author domains");
}

static void
refuse_dmarc(const char *domain, struct arena *arena, struct verdict *verdict)
{
    struct buffer text;

    buffer_init(&text, REPLY_MAX);
    append_words(&text, "rejected by the DMARC policy of ");
    append_words(&text, domain);
    refuse(verdict, arena, "5.7.1", &text,
        arena_printf(arena, "dmarc policy of %s", domain));
}

/*
 * Whether an answer of DNS is missing that could have made another result.  That of HELO
 * beside MAIL FROM is in no results: it counts only where it could have refused.
 */
static bool
lacks_dns(const struct auth_wishes *wishes, const struct auth_facts *facts)
{
    size_t identities =
        wishes->spf_reject || facts->spf_count == 0 ? facts->spf_count : 1;
    bool lacks = false;

    for (size_t i = 0; i < facts->dmarc_count; i++) {
        if (facts->dmarc[i].result == AUTH_PASS)
            return false;
        lacks |= facts->dmarc[i].result == AUTH_TEMPERROR;
    }
    for (size_t i = 0; i < identities; i++)
        lacks |= facts->spf[i].result == AUTH_TEMPERROR;
    for (size_t i = 0; facts->dkim != NULL && i < facts->dkim->count; i++)
        lacks |= facts->dkim->candidates[i].signature.result == AUTH_TEMPERROR;
    return lacks;
}

static bool
decide_dns(const struct auth_wishes *wishes, const struct auth_facts *facts,
    struct arena *arena, struct verdict *verdict)
{
    struct buffer text;

    if (!lacks_dns(wishes, facts))
        return false;
    buffer_init(&text, REPLY_MAX);
    append_words(
        &text, "DNS gave no answer to check SPF, DKIM or DMARC with; try again later");
    refuse(verdict, arena, "4.4.3", &text, "dns error");
    return true;
}

static void
quarantine(const struct auth_wishes *wishes, const char *reason, struct arena *arena,
    struct verdict *verdict)
{
    bool hold = wishes->dmarc_quarantine == AUTH_QUARANTINE_HOLD;

    if (hold)
        verdict->action = VERDICT_QUARANTINE;
    verdict->reason = hold ? reason : arena_printf(arena, "tagged: %s", reason);
}

/* What dmarc_enforce refuses or defers; `domain` is the one whose policy is to be
 * applied. */
static bool
enforce(const struct auth_facts *facts, const char *domain, enum dmarc_policy policy,
    struct arena *arena, struct verdict *verdict)
{
    const char *unproven = find_unproven(facts);

    if (policy == DMARC_POLICY_REJECT)
        refuse_dmarc(domain, arena, verdict);
    else if (facts->judged != NULL && facts->judged->more)
        refuse_too_many(arena, verdict);
    else if (unproven != NULL)
        defer_unproven(unproven, arena, verdict);
    else
        return false;
    return true;
}

void
auth_decide(const struct auth_wishes *wishes, const struct auth_facts *facts,
    struct arena *arena, struct verdict *verdict)
{
    bool exempt = facts->dmarc_exempt;
    bool bad = facts->author != NULL && facts->author->kind != AUTHOR_ONE && !exempt;
    bool enforces = wishes->dmarc_enforce && !exempt;
    enum dmarc_policy policy = DMARC_POLICY_NONE;
    const char *domain = enforces ? strictest(facts, AUTH_FAIL, &policy) : NULL;

    *verdict = (struct verdict){.action = VERDICT_ACCEPT};
    if (wishes->spf_reject && decide_spf(facts, arena, verdict))
        return;
    if (bad && wishes->bad_from == AUTH_BAD_FROM_REJECT) {
        refuse_bad_from(facts, arena, verdict);
        return;
    }
    if (enforces && enforce(facts, domain, policy, arena, verdict))
        return;
    if (wishes->dns_tempfail && decide_dns(wishes, facts, arena, verdict))
        return;
    if (bad && wishes->bad_from == AUTH_BAD_FROM_QUARANTINE)
        quarantine(wishes, facts->author->reason, arena, verdict);
    else if (policy == DMARC_POLICY_QUARANTINE)
        quarantine(
            wishes, arena_printf(arena, "dmarc policy of %s", domain), arena, verdict);
}

bool
auth_is_exempt(struct span word, struct span client_address, const struct author *author,
    const struct dmarc_identifier *identifiers, size_t identifier_count)
{
    struct network network;
    size_t below = 0;

    if (network_parse(word, &network))
        return network_has(&network, client_address);
    while (below < author->count &&
           domain_is_at_or_below(span_of(author->domains[below]), word))
        below++;
    if (below > 0 && below == author->count)
        return true;
    for (size_t i = 0; i < identifier_count; i++) {
        if (identifiers[i].passed && domain_is_at_or_below(identifiers[i].domain, word))
            return true;
    }
    return false;
}
