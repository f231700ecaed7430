#include <stdio.h>
#include <string.h>

#include "policyd/replica/replica_orders_inside.h"
#include "policyd/state/domain_fields.h"
#include "shared/base/attributes.h"

/*
 * A load that is refused: what it lacks is kept.  A domain's good state that stands in
 * Redis is a word and is taken, so that who hears it live and who reads it now agree; but
 * not out of a load with a lower rev, which is an old one.  What stands there and is not
 * taken is seen on its domain's row.
 */

static bool
is_old(const struct replica_orders *orders)
{
    return orders->compare.losses.older > 0;
}

/* Only what is amiss is named. */
static void
write_refusal(const struct replica_losses *losses, char *out, size_t size)
{
    struct buffer text;
    size_t before;

    buffer_init(&text, size - 1);
    buffer_append_text(&text, losses->older > 0
                                  ? "what Redis holds was refused as a whole:"
                                  : "what Redis lacks was refused:");
    before = text.length;
    if (losses->domains > 0)
        buffer_printf(&text, " %zu of %zu domains (%s%s) gone,", losses->domains,
            losses->domains_total, losses->domain, losses->domains > 1 ? ", ..." : "");
    if (losses->older > 0)
        buffer_printf(&text, " %zu domain%s with a lower rev,", losses->older,
            losses->older == 1 ? "" : "s");
    for (size_t kind = 0; kind < REPLICA_KINDS; kind++) {
        if (losses->named[kind] > 0)
            buffer_printf(&text, " %zu of %zu %ss gone,", losses->named[kind],
                losses->named_total[kind], replica_kind_name((enum replica_kind)kind));
    }
    if (text.length == before)
        buffer_append_text(&text, " much was lost while it was read,");
    buffer_append_text(&text, " ours is kept until accept-state");
    (void)span_copy(buffer_span(&text), out, size);
    buffer_clear(&text);
}

static void
tell_refusal(struct replica_orders *orders)
{
    char before[sizeof(orders->alarm)];

    memcpy(before, orders->alarm, sizeof(before));
    write_refusal(&orders->compare.losses, orders->alarm, sizeof(orders->alarm));
    if (strcmp(before, orders->alarm) != 0 && orders->events.alarm != NULL)
        orders->events.alarm(orders->argument, orders->alarm);
}

/* --- what stands in Redis all the same --- */

static void
take_word(
    struct replica_orders *orders, struct span name, const struct replica_domain *theirs)
{
    struct replica_domain ours = {.ours = false};

    (void)replica_find_domain(orders->answering, name, &ours);
    orders_tell_domain(orders, REPLICA_FROM_REDIS, name, ours.state, theirs->state);
    replica_put_domain(
        orders->answering, name, domain_fields_copy(theirs->state), theirs->rev);
    replica_set_suspect(orders->answering, name, theirs->suspect ? theirs->why : NULL);
}

static void
mark_not_taken(
    struct replica_orders *orders, struct span name, const struct replica_domain *theirs)
{
    struct replica_domain ours = {.ours = false};

    if (replica_find_domain(orders->answering, name, &ours) &&
        (ours.suspect ||
            (ours.state != NULL && domain_state_equal(ours.state, theirs->state))))
        return;
    replica_set_suspect(orders->answering, name,
        "Redis says otherwise, out of a load with a lower rev; not taken until "
        "accept-state");
}

/* False after the last. */
static bool
next_domain(struct replica_orders *orders)
{
    struct replica_domain theirs;
    struct replica_name copy;
    struct span name;

    if (!replica_next_domain(orders->loading, &orders->telling, &name, &theirs))
        return false;
    if (theirs.state == NULL || !replica_name_set(&copy, name))
        return true;
    if (is_old(orders))
        mark_not_taken(orders, replica_name_span(&copy), &theirs);
    else
        take_word(orders, replica_name_span(&copy), &theirs);
    return true;
}

static bool
next_named(struct replica_orders *orders, enum replica_kind kind)
{
    struct span name;
    struct span theirs;
    struct span ours;

    if (!replica_next(orders->loading, kind, &orders->telling, &name, &theirs))
        return false;
    (void)replica_find(orders->answering, kind, name, &ours);
    if (!span_equal(theirs, ours))
        orders_suspect(orders, replica_name_domain(name),
            "pins or units in Redis say otherwise; not taken until accept-state");
    return true;
}

/* --- the refusal --- */

void
orders_end_load(struct replica_orders *orders)
{
    replica_free(orders->loading);
    orders->loading = NULL;
    orders->stage = LOAD_NONE;
    orders->waiver = (struct replica_waiver){.all = false};
    orders->accepting = 0;
    orders->list.targets &= ~(unsigned)REPLICA_LOADING;
    if (orders->list.targets == 0)
        replica_orders_drop_list(orders);
}

static enum replica_load_result
finish(struct replica_orders *orders)
{
    const struct replica_losses *losses = &orders->compare.losses;

    for (size_t i = 0; i < losses->concerned_count; i++)
        orders_suspect_loss(orders, span_of(losses->concerned[i]));
    if (orders->accepting != 0)
        orders->accepted = orders->accepting;
    orders_end_load(orders);
    return REPLICA_LOAD_REFUSED;
}

/* One domain of it was accepted: that is taken whole. */
static enum replica_load_result
begin_merge(struct replica_orders *orders)
{
    struct span domain = span_of(orders->waiver.domain);
    struct replica_domain ours = {.ours = false};
    struct replica_domain theirs = {.ours = false};

    if (domain.length == 0)
        return finish(orders);
    (void)replica_find_domain(orders->answering, domain, &ours);
    (void)replica_find_domain(orders->loading, domain, &theirs);
    orders_tell_domain(orders, REPLICA_FROM_ACCEPT, domain, ours.state, theirs.state);
    replica_merge_start(
        &orders->merge, orders->answering, orders->loading, orders->waiver.domain);
    orders->stage = LOAD_MERGING;
    return REPLICA_LOAD_GOES_ON;
}

enum replica_load_result
orders_begin_refusal(struct replica_orders *orders)
{
    orders->load_refused = true;
    tell_refusal(orders);
    orders->refusing = 0;
    orders->telling = 0;
    orders->stage = LOAD_REFUSING;
    return REPLICA_LOAD_GOES_ON;
}

enum replica_load_result
orders_step_refusal(struct replica_orders *orders, size_t entries)
{
    if (orders->stage == LOAD_MERGING)
        return replica_merge_step(&orders->merge, entries) ? REPLICA_LOAD_GOES_ON
                                                           : finish(orders);
    for (; entries > 0 && orders->refusing <= REPLICA_KINDS; entries--) {
        if (orders->refusing == 0
                ? next_domain(orders)
                : next_named(orders, (enum replica_kind)(orders->refusing - 1)))
            continue;
        orders->refusing++;
        orders->telling = 0;
    }
    return orders->refusing > REPLICA_KINDS ? begin_merge(orders) : REPLICA_LOAD_GOES_ON;
}
