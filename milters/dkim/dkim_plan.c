#include "milters/dkim/dkim_plan.h"

#include "shared/base/attributes.h"

#include <string.h>

enum { EXAMINED_MAX = 100 }; /* DKIM-Signature fields that are read at all */

static const struct span signature_field = {
    "DKIM-Signature", sizeof("DKIM-Signature") - 1};

bool
dkim_candidate_is_pending(const struct dkim_candidate *candidate)
{
    return candidate->signature.result == AUTH_NONE ||
           (candidate->signature.is_early && !candidate->is_settled);
}

void
dkim_candidate_decide(
    struct dkim_candidate *candidate, enum auth_result result, const char *reason)
{
    if (!dkim_candidate_is_pending(candidate))
        return;
    candidate->is_settled = true;
    candidate->signature.has_verified =
        candidate->signature.is_early && result == AUTH_PASS;
    if (candidate->signature.has_verified)
        return;
    candidate->signature.result = result;
    candidate->signature.reason = reason;
}

/* Neutral, since libopendkim can't be given it; where it is aligned, for dkim_own_check.
 */
static void
keep(struct dkim_candidate *candidate, const char *reason)
{
    bool is_pending = dkim_candidate_is_pending(candidate);

    dkim_candidate_decide(candidate, AUTH_NEUTRAL, reason);
    candidate->for_own = is_pending && candidate->aligned && candidate->has_own_key &&
                         !candidate->signature.has_length;
}

/* Parent and child count as aligned here: it is only about which come first. */
static bool
is_aligned(const char *domain, const struct author *author)
{
    struct span signer = span_of(domain);

    for (size_t i = 0; i < author->count && signer.length > 0; i++) {
        struct span from = span_of(author->domains[i]);

        if (domain_is_at_or_below(signer, from) || domain_is_at_or_below(from, signer))
            return true;
    }
    return false;
}

/* Puts it among the others in the order of the message. */
static void
insert(struct dkim_plan *plan, const struct dkim_candidate *candidate)
{
    size_t at = plan->count;

    while (at > 0 && plan->candidates[at - 1].field > candidate->field) {
        plan->candidates[at] = plan->candidates[at - 1];
        at--;
    }
    plan->candidates[at] = *candidate;
    plan->count++;
}

/* The last one in the message that is not aligned makes room for one that is. */
static bool
make_room(struct dkim_plan *plan)
{
    for (size_t i = plan->count; i > 0; i--) {
        if (plan->candidates[i - 1].aligned)
            continue;
        memmove(&plan->candidates[i - 1], &plan->candidates[i],
            (plan->count - i) * sizeof(plan->candidates[0]));
        plan->count--;
        return true;
    }
    return false;
}

static void
set_question(struct dkim_candidate *candidate, struct arena *arena)
{
    const struct dkim_signature *signature = &candidate->signature;

    if (dkim_candidate_is_pending(candidate) ||
        (candidate->aligned && signature->is_misread))
        candidate->question = arena_printf(
            arena, "%s._domainkey.%s", signature->selector, signature->domain);
}

void
dkim_plan_make(struct dkim_plan *plan, const struct header_field *fields,
    size_t field_count, const struct author *author, size_t most, int64_t now,
    struct arena *arena)
{
    if (most > DKIM_SIGNATURES_MAX)
        most = DKIM_SIGNATURES_MAX;
    *plan = (struct dkim_plan){.count = 0};
    for (size_t i = 0; i < field_count && most > 0; i++) {
        struct dkim_candidate candidate = {.field = i};

        if (!header_field_is(&fields[i], signature_field))
            continue;
        if (++plan->found > EXAMINED_MAX)
            continue;
        dkim_signature_parse(fields[i].value, now, arena, &candidate.signature);
        candidate.aligned = is_aligned(candidate.signature.domain, author);
        if (plan->count < most || (candidate.aligned && make_room(plan)))
            insert(plan, &candidate);
    }
    for (size_t i = 0; i < plan->count; i++)
        set_question(&plan->candidates[i], arena);
}

/* What the key says of this signature; NULL where nothing speaks against it. */
static const char *
find_mismatch(const struct dkim_signature *signature, const struct dkim_key *key)
{
    bool wants_rsa = signature->algorithm == DKIM_RSA_SHA256;

    if (key->revoked)
        return "key revoked";
    if ((key->type == DKIM_KEY_RSA) != wants_rsa)
        return "key is of another type";
    if (!key->for_mail)
        return "key is not for mail";
    if (!key->for_sha256)
        return "key is not for SHA-256";
    if (key->same_domain && signature->is_sub_domain)
        return "key is not for sub-domains";
    return NULL;
}

static void
use_key(struct dkim_candidate *candidate, const struct dkim_key *key, struct arena *arena)
{
    const char *wrong = find_mismatch(&candidate->signature, key);

    if (wrong != NULL)
        dkim_candidate_decide(candidate, AUTH_PERMERROR, wrong);
    else if (key->type == DKIM_KEY_RSA &&
             (key->bits < DKIM_KEY_BITS_MIN || key->bits > DKIM_KEY_BITS_MAX))
        dkim_candidate_decide(
            candidate, AUTH_POLICY, arena_printf(arena, "%u-bit key", key->bits));
    candidate->has_own_key =
        wrong == NULL && key->record[0] != '\0' &&
        (key->type != DKIM_KEY_RSA || key->bits >= DKIM_KEY_BITS_MIN);
    candidate->for_own = candidate->has_own_key && candidate->signature.is_misread &&
                         candidate->aligned && !candidate->signature.has_length;
    candidate->testing = key->testing;
    candidate->record = arena_text(arena, span_of(key->record));
}

void
dkim_plan_answer(struct dkim_candidate *candidate, const struct dns_answer *answer,
    struct arena *arena)
{
    struct dkim_key key;
    const char *wrong = "no key";

    if (dns_status_is_temporary(answer->status) && candidate->signature.is_misread)
        candidate->signature.result = AUTH_TEMPERROR;
    else if (dns_status_is_temporary(answer->status))
        dkim_candidate_decide(candidate, AUTH_TEMPERROR,
            arena_printf(arena, "key look-up: %s", dns_status_name(answer->status)));
    else if (answer->status != DNS_OK ||
             !dkim_key_choose(answer->records, answer->count, &key, &wrong))
        dkim_candidate_decide(candidate, AUTH_PERMERROR, wrong);
    else
        use_key(candidate, &key, arena);
}

static bool
has_bare_cr(struct span text)
{
    for (size_t at; (at = span_find(text, '\r')) != SPAN_NONE;
         text = span_from(text, at + 1)) {
        if (at + 1 == text.length || text.data[at + 1] != '\n')
            return true;
    }
    return false;
}

/*
 * libopendkim stops reading a field at a NUL, and would pass whatever follows.  In the
 * relaxed form it takes more than blanks and tabs for white space.
 */
static void
refuse_octets(struct dkim_plan *plan, const struct header_field *field)
{
    struct span name = header_field_name(field);
    bool nul = span_find(field->value, '\0') != SPAN_NONE;
    bool white = span_find(field->value, '\f') != SPAN_NONE ||
                 span_find(field->value, '\v') != SPAN_NONE || has_bare_cr(field->value);

    for (size_t i = 0; i < plan->count && (nul || white); i++) {
        struct dkim_candidate *candidate = &plan->candidates[i];

        if (dkim_signature_names(&candidate->signature, name) == 0)
            continue;
        if (nul)
            dkim_candidate_decide(candidate, AUTH_PERMERROR, "NUL in a signed field");
        else if (candidate->signature.header_form == DKIM_RELAXED)
            keep(candidate, "control character in a signed field");
    }
}

/* The different ways in which the body must be hashed. */
struct body_forms {
    struct {
        enum dkim_form form;
        bool has_length;
        uint64_t length;
    } forms[DKIM_BODY_FORMS_MAX];
    size_t count;
};

static bool
admit(struct body_forms *forms, const struct dkim_signature *signature)
{
    uint64_t length = signature->has_length ? signature->length : 0;

    for (size_t i = 0; i < forms->count; i++) {
        if (forms->forms[i].form == signature->body_form &&
            forms->forms[i].has_length == signature->has_length &&
            forms->forms[i].length == length)
            return true;
    }
    if (forms->count == DKIM_BODY_FORMS_MAX)
        return false;
    forms->forms[forms->count].form = signature->body_form;
    forms->forms[forms->count].has_length = signature->has_length;
    forms->forms[forms->count].length = length;
    forms->count++;
    return true;
}

/* Which of the signatures get their turn. */
struct turn {
    bool has_length;
    bool aligned;
};

static void
limit_forms(struct dkim_plan *plan, struct body_forms *forms, struct turn turn)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct dkim_candidate *candidate = &plan->candidates[i];

        if (candidate->signature.has_length == turn.has_length &&
            candidate->aligned == turn.aligned && dkim_candidate_is_pending(candidate) &&
            !admit(forms, &candidate->signature))
            dkim_candidate_decide(
                candidate, AUTH_POLICY, "too many different l= in one message");
    }
}

static struct dkim_candidate *
candidate_of_field(struct dkim_plan *plan, size_t field)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->candidates[i].field == field)
            return &plan->candidates[i];
    }
    return NULL;
}

/* Whether the other signatures that this one signs can all be shown, from the last up. */
static bool
can_show_signed(struct dkim_plan *plan, struct body_forms *forms,
    const struct dkim_candidate *signer, const struct header_field *fields,
    size_t field_count)
{
    size_t wanted = dkim_signature_names(&signer->signature, signature_field);

    for (size_t i = field_count; i > 0 && wanted > 0; i--) {
        struct dkim_candidate *other;

        if (!header_field_is(&fields[i - 1], signature_field))
            continue;
        wanted--;
        other = candidate_of_field(plan, i - 1);
        if (other == NULL || other == signer)
            return false;
        if (dkim_candidate_is_pending(other))
            continue;
        if (!other->signature.sound || !admit(forms, &other->signature))
            return false;
        other->aside = true;
    }
    return true;
}

void
dkim_plan_settle(
    struct dkim_plan *plan, const struct header_field *fields, size_t field_count)
{
    static const struct turn turns[] = {
        {false, true },
        {false, false},
        {true,  true },
        {true,  false},
    };
    struct body_forms forms = {.count = 0};
    bool changed;

    for (size_t i = 0; i < field_count; i++)
        refuse_octets(plan, &fields[i]);
    /* Those without l= need two forms at most: whatever stands beside them can't take
     * their turn. */
    for (size_t i = 0; i < ARRAY_LENGTH(turns); i++)
        limit_forms(plan, &forms, turns[i]);
    /* One that drops out is no longer pending for those that sign it. */
    do {
        changed = false;
        for (size_t i = 0; i < plan->count; i++) {
            struct dkim_candidate *candidate = &plan->candidates[i];

            if (dkim_candidate_is_pending(candidate) &&
                !can_show_signed(plan, &forms, candidate, fields, field_count)) {
                keep(candidate, "signs a signature that can't be shown");
                changed = true;
            }
        }
    } while (changed);
}
