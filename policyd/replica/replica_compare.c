#include "policyd/replica/replica_compare.h"

#include "policyd/replica/replica_guard.h"
#include "policyd/replica/replica_key.h"
#include "policyd/state/domain_fields.h"
#include "policyd/state/domain_list.h"
#include "shared/base/attributes.h"

enum { SEVERAL = 2 };

bool
replica_waiver_covers_domain(const struct replica_waiver *waiver, struct span domain)
{
    return waiver->all || (domain.length > 0 && span_is(domain, waiver->domain));
}

static bool
covers_name(const struct replica_waiver *waiver, struct span name)
{
    return replica_waiver_covers_domain(waiver, replica_name_domain(name));
}

bool
replica_losses_forbid(const struct replica_losses *losses)
{
    bool forbids = losses->domains > 0 || losses->older > 0;

    for (size_t kind = 0; kind < REPLICA_KINDS; kind++)
        forbids = forbids ||
                  replica_guard_too_many(losses->named[kind], losses->named_total[kind]);
    return forbids;
}

/* Not of a domain that the file doesn't name, though it names some; units may have none.
 */
static bool
concerns_us(const struct replica_compare *compare, struct span domain)
{
    return domain.length == 0 || compare->domain_count == 0 ||
           domain_list_has(compare->domains, compare->domain_count, domain);
}

/*
 * A domain that the load lacks: forgotten, it stays so; without a state it stays ours;
 * accepted, it loses its state; else that is a loss.
 */
static void
compare_domain(
    struct replica_compare *compare, struct span name, const struct replica_domain *ours)
{
    struct replica_domain theirs = {.ours = false};

    if (!ours->ours || !concerns_us(compare, name))
        return;
    compare->losses.domains_total++;
    if (replica_find_domain(compare->theirs, name, &theirs) && theirs.ours)
        return;
    if (ours->state != NULL && ours->state->mode == DOMAIN_MODE_FORGOTTEN)
        replica_put_domain(
            compare->theirs, name, domain_fields_copy(ours->state), ours->rev);
    else if (ours->state == NULL || replica_waiver_covers_domain(&compare->waiver, name))
        replica_put_domain(compare->theirs, name, NULL, 0);
    else {
        compare->losses.domains++;
        (void)span_copy(name, compare->losses.domain, sizeof(compare->losses.domain));
        compare->gone(compare->argument, name, span_of(""), 0);
    }
}

static bool
next_domain(struct replica_compare *compare)
{
    struct replica_domain ours;
    struct span name;

    if (!replica_next_domain(compare->ours, &compare->cursor, &name, &ours))
        return false;
    compare_domain(compare, name, &ours);
    return true;
}

static void
note_concerned(struct replica_losses *losses, struct span name)
{
    struct span domain = replica_name_domain(name);

    for (size_t i = losses->concerned_count; i > 0; i--) {
        if (span_is(domain, losses->concerned[i - 1]))
            return;
    }
    if (losses->concerned_count < REPLICA_CONCERNED_MAX && domain.length > 0 &&
        span_copy(domain, losses->concerned[losses->concerned_count],
            sizeof(losses->concerned[0])))
        losses->concerned_count++;
}

/* Pins, then units. */
static bool
next_named(struct replica_compare *compare)
{
    enum replica_kind kind = compare->kind;
    struct span name;
    struct span ours;
    struct span theirs;

    if (!replica_next(compare->ours, kind, &compare->cursor, &name, &ours)) {
        compare->cursor = 0;
        compare->kind++;
        return compare->kind < REPLICA_KINDS;
    }
    if (!replica_value_counts(kind, ours, compare->now) ||
        !concerns_us(compare, replica_name_domain(name)) ||
        covers_name(&compare->waiver, name))
        return true;
    compare->losses.named_total[kind]++;
    if (!replica_find(compare->theirs, kind, name, &theirs)) {
        compare->losses.named[kind]++;
        note_concerned(&compare->losses, name);
    }
    return true;
}

/* A member of the list that is being carried over. */
static bool
next_member(struct replica_compare *compare)
{
    struct span domain = replica_name_span(&compare->list_domain);
    struct span list = replica_name_span(&compare->list);
    struct span unit;

    if (replica_next_member(
            compare->ours, domain, list, &compare->member_cursor, &unit)) {
        replica_put_member(compare->theirs, domain, list, unit);
        return true;
    }
    compare->carries_list = false;
    compare->gone(compare->argument, domain, list, compare->list_count);
    return true;
}

static bool
next_list(struct replica_compare *compare)
{
    struct span domain;
    struct span list;

    if (compare->carries_list)
        return next_member(compare);
    if (!replica_next_list(
            compare->ours, &compare->cursor, &domain, &list, &compare->list_count))
        return false;
    compare->carries_list = compare->list_count >= SEVERAL &&
                            concerns_us(compare, domain) &&
                            !replica_waiver_covers_domain(&compare->waiver, domain) &&
                            replica_list_count(compare->theirs, domain, list) == 0 &&
                            replica_name_set(&compare->list_domain, domain) &&
                            replica_name_set(&compare->list, list);
    compare->member_cursor = 0;
    return true;
}

static bool (*const stages[])(struct replica_compare *compare) = {
    next_domain, next_named, next_list};

void
replica_compare_start(struct replica_compare *compare)
{
    compare->stage = 0;
    compare->kind = REPLICA_PIN;
    compare->cursor = 0;
    compare->carries_list = false;
}

bool
replica_compare_step(struct replica_compare *compare, size_t entries)
{
    for (; entries > 0; entries--) {
        if (compare->stage == ARRAY_LENGTH(stages))
            return false;
        if (!stages[compare->stage](compare)) {
            compare->stage++;
            compare->cursor = 0;
        }
    }
    return compare->stage < ARRAY_LENGTH(stages);
}
