#include "milters/dmarc/dmarc_decide.h"

#include "shared/base/domain.h"

/* Yes, no, not known for want of DNS, or a question is to be asked first. */
enum answer { NO, YES, UNKNOWN, ASKS };

struct decision {
    const struct dmarc_request *request;
    const struct dmarc_knowledge *known;
    struct dmarc_verdict *verdict;
    struct dmarc_question *question;
    struct dmarc_record record;
    bool is_own; /* the record stands at the author's domain itself */
};

static enum answer
ask(struct decision *decision, struct span name, bool is_existence)
{
    *decision->question = (struct dmarc_question){name, is_existence};
    return ASKS;
}

/* The record at a name, if one stands there. */
static enum answer
find_record(struct decision *decision, struct span name)
{
    switch (dmarc_known(decision->known, name, false, &decision->record)) {
    case DMARC_UNASKED:
        return ask(decision, name, false);
    case DMARC_NO_ANSWER:
        return UNKNOWN;
    case DMARC_NO_RECORD:
    case DMARC_NO_NAME:
        return NO;
    case DMARC_RECORD:
        break;
    }
    decision->verdict->policy_domain = name;
    return YES;
}

/* Gives the Organizational Domain; YES means it is known. */
static enum answer
find_organization(struct decision *decision, struct span name, struct span by_list,
    struct dmarc_walk *walk)
{
    if (by_list.length > 0) {
        *walk = (struct dmarc_walk){
            DMARC_WALK_DONE, {NULL, 0},
             by_list, {NULL, 0}
        };
        return YES;
    }
    *walk = dmarc_walk(name, decision->known);
    if (walk->state == DMARC_WALK_ASKS)
        return ask(decision, walk->asks, false);
    return walk->state == DMARC_WALK_DONE ? YES : UNKNOWN;
}

/* The author's own record, else the organization's, else that of a public suffix. */
static enum answer
find_policy(struct decision *decision)
{
    const struct dmarc_request *request = decision->request;
    enum answer found = find_record(decision, request->author);
    struct dmarc_walk walk;

    decision->is_own = found == YES;
    if (found != NO)
        return found;
    found = find_organization(decision, request->author, request->organization, &walk);
    if (found != YES)
        return found;
    found = find_record(decision, walk.organization);
    if (found == NO && walk.suffix.length > 0)
        found = find_record(decision, walk.suffix);
    return found;
}

static struct span
top_label(struct span name)
{
    while (domain_parent(name).length > 0)
        name = domain_parent(name);
    return name;
}

/* Section 4.10.2: the same organization, found by a walk from each. */
static enum answer
is_related(struct decision *decision, const struct dmarc_identifier *identifier)
{
    const struct dmarc_request *request = decision->request;
    struct dmarc_walk author;
    struct dmarc_walk other;
    enum answer found =
        find_organization(decision, request->author, request->organization, &author);

    /* Whatever it is, it stands above the author. */
    if (found == UNKNOWN &&
        !domain_is_at_or_below(identifier->domain, top_label(request->author)))
        return NO;
    if (found != YES)
        return found;
    if (!domain_is_at_or_below(identifier->domain, author.organization))
        return NO;
    found =
        find_organization(decision, identifier->domain, identifier->organization, &other);
    if (found != YES)
        return found;
    return span_equal_nocase(author.organization, other.organization) ? YES : NO;
}

static enum answer
is_aligned(struct decision *decision, const struct dmarc_identifier *identifier)
{
    if (span_equal_nocase(identifier->domain, decision->request->author))
        return YES;
    if (identifier->is_spf ? decision->record.strict_spf : decision->record.strict_dkim)
        return NO;
    return is_related(decision, identifier);
}

/* Whether one of those that passed, or of those that may have, is aligned. */
struct search {
    bool passed;
    bool is_author; /* those that are the author's domain itself, or the others */
};

static enum answer
search_aligned(struct decision *decision, struct search search)
{
    const struct dmarc_request *request = decision->request;
    enum answer all = NO;

    for (size_t i = 0; i < request->count && (search.is_author || all != YES); i++) {
        const struct dmarc_identifier *identifier = &request->identifiers[i];
        bool is_author = span_equal_nocase(identifier->domain, request->author);
        enum answer one;

        if (identifier->passed != search.passed || is_author != search.is_author ||
            identifier->domain.length == 0)
            continue;
        one = is_aligned(decision, identifier);
        if (one == ASKS)
            return ASKS;
        if (one == YES && search.passed) {
            decision->verdict->by_spf |= identifier->is_spf;
            decision->verdict->by_dkim |= !identifier->is_spf;
        }
        if (all != YES && one != NO)
            all = one;
    }
    return all;
}

/* Those that are the author's domain itself go first: they need no question. */
static enum answer
find_aligned(struct decision *decision, bool passed)
{
    enum answer found = search_aligned(decision, (struct search){passed, true});

    if (found == NO)
        found = search_aligned(decision, (struct search){passed, false});
    return found;
}

static enum dmarc_policy
after_testing(const struct dmarc_record *record, enum dmarc_policy policy)
{
    if (record->testing && policy != DMARC_POLICY_NONE)
        policy--;
    return policy;
}

/* What a record above a name asks for where it isn't known whether the name exists. */
static enum dmarc_policy
wish_below(const struct dmarc_record *record)
{
    enum dmarc_policy policy = record->subdomain_policy;

    if (!record->usable)
        return DMARC_POLICY_NONE;
    if (record->nonexistent_policy > policy)
        policy = record->nonexistent_policy;
    return after_testing(record, policy);
}

/*
 * Which record counts can't be told: the strictest of those that can be had above the
 * author, less the top's, is what the author's domain may ask for.
 */
static enum answer
find_wish_above(struct decision *decision)
{
    const struct dmarc_request *request = decision->request;
    struct span at = dmarc_walk_above(request->author);
    enum dmarc_policy strictest = DMARC_POLICY_NONE;

    if (request->organization.length > 0)
        at = request->organization;
    for (; domain_label_count(at) > 1; at = dmarc_walk_above(at)) {
        enum answer found = find_record(decision, at);

        if (found == ASKS)
            return ASKS;
        if (found == YES && wish_below(&decision->record) > strictest)
            strictest = wish_below(&decision->record);
        if (request->organization.length > 0)
            break;
    }
    decision->verdict->policy = strictest;
    decision->verdict->policy_domain = (struct span){NULL, 0};
    return YES;
}

/* p, or sp and np for a name below the record's. */
static enum answer
find_wish(struct decision *decision)
{
    const struct dmarc_record *record = &decision->record;
    struct span author = decision->request->author;
    enum dmarc_finding name = DMARC_NO_RECORD;
    enum dmarc_policy policy;

    if (!decision->is_own && record->nonexistent_policy != record->subdomain_policy)
        name = dmarc_known(decision->known, author, false, NULL);
    /* Below _dmarc.<name> there may be nothing although the name exists. */
    if (name == DMARC_NO_NAME)
        name = dmarc_known(decision->known, author, true, NULL);
    if (name == DMARC_UNASKED)
        return ask(decision, author, true);
    if (name == DMARC_NO_ANSWER)
        return UNKNOWN;
    policy = decision->is_own        ? record->policy
             : name == DMARC_NO_NAME ? record->nonexistent_policy
                                     : record->subdomain_policy;
    decision->verdict->policy = after_testing(record, policy);
    return YES;
}

static bool
give(struct dmarc_verdict *verdict, enum auth_result result, const char *reason)
{
    verdict->result = result;
    verdict->reason = reason;
    return true;
}

/* Whether it passes, over a record that counts. */
static bool
judge(struct decision *decision)
{
    struct dmarc_verdict *verdict = decision->verdict;
    const struct dmarc_record *record = &decision->record;
    enum answer found;

    verdict->published = record->policy;
    verdict->repeats = record->repeats;
    verdict->policy =
        decision->is_own ? after_testing(record, record->policy) : wish_below(record);
    found = find_aligned(decision, true);
    if (found == ASKS)
        return false;
    if (found == UNKNOWN)
        return give(verdict, AUTH_TEMPERROR, "look-up for alignment failed");
    if (found == YES) {
        verdict->policy = DMARC_POLICY_NONE;
        return give(verdict, AUTH_PASS, NULL);
    }
    found = find_aligned(decision, false);
    if (found == ASKS)
        return false;
    if (found != NO)
        return give(verdict, AUTH_TEMPERROR, "an aligned domain could not be checked");
    found = find_wish(decision);
    if (found == ASKS)
        return false;
    if (found == UNKNOWN)
        return give(verdict, AUTH_TEMPERROR, "look-up of the author's domain failed");
    return give(verdict, AUTH_FAIL, NULL);
}

bool
dmarc_decide(const struct dmarc_request *request, const struct dmarc_knowledge *known,
    struct dmarc_verdict *verdict, struct dmarc_question *question)
{
    struct decision decision = {
        .request = request, .known = known, .verdict = verdict, .question = question};
    enum answer found;

    *verdict = (struct dmarc_verdict){.result = AUTH_NONE};
    found = find_policy(&decision);
    if (found == ASKS)
        return false;
    if (found == UNKNOWN)
        return find_wish_above(&decision) == YES &&
               give(verdict, AUTH_TEMPERROR, "policy look-up failed");
    if (found == NO || !decision.record.usable)
        return give(verdict, AUTH_NONE, NULL);
    return judge(&decision);
}
