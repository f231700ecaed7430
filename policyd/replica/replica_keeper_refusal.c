#include <stdio.h>
#include <string.h>

#include "policyd/replica/replica_keeper_inside.h"
#include "policyd/state/domain_fields.h"
#include "shared/base/attributes.h"

/*
 * A load that is refused: what it lacks is kept.  A domain's good state that stands in
 * Redis is a word and is taken, so that who hears it live and who reads it now agree; but
 * not out of a load with a lower rev, which is an old one.  What stands there and is not
 * taken is seen on its domain's row.
 */

static bool
is_old(const struct replica_keeper *keeper)
{
    return keeper->compare.losses.older > 0;
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
    if (losses->pins > 0)
        buffer_printf(&text, " %zu of %zu pins gone,", losses->pins, losses->pins_total);
    if (losses->units > 0)
        buffer_printf(
            &text, " %zu of %zu units gone,", losses->units, losses->units_total);
    if (text.length == before)
        buffer_append_text(&text, " much was lost while it was read,");
    buffer_append_text(&text, " ours is kept until accept-state");
    (void)span_copy(buffer_span(&text), out, size);
    buffer_clear(&text);
}

static void
tell_refusal(struct replica_keeper *keeper)
{
    char before[sizeof(keeper->alarm)];

    memcpy(before, keeper->alarm, sizeof(before));
    write_refusal(&keeper->compare.losses, keeper->alarm, sizeof(keeper->alarm));
    if (strcmp(before, keeper->alarm) != 0 && keeper->events.alarm != NULL)
        keeper->events.alarm(keeper->argument, keeper->alarm);
}

/* --- what stands in Redis all the same --- */

static void
take_word(
    struct replica_keeper *keeper, struct span name, const struct replica_domain *theirs)
{
    struct replica_domain ours = {.ours = false};

    (void)replica_find_domain(keeper->answering, name, &ours);
    keeper_tell_domain(keeper, REPLICA_FROM_REDIS, name, ours.state, theirs->state);
    replica_put_domain(
        keeper->answering, name, domain_fields_copy(theirs->state), theirs->rev);
    replica_set_suspect(keeper->answering, name, theirs->suspect ? theirs->why : NULL);
}

static void
mark_not_taken(
    struct replica_keeper *keeper, struct span name, const struct replica_domain *theirs)
{
    struct replica_domain ours = {.ours = false};

    if (replica_find_domain(keeper->answering, name, &ours) &&
        (ours.suspect ||
            (ours.state != NULL && domain_state_equal(ours.state, theirs->state))))
        return;
    replica_set_suspect(keeper->answering, name,
        "Redis says otherwise, out of a load with a lower rev; not taken until "
        "accept-state");
}

/* False after the last. */
static bool
next_domain(struct replica_keeper *keeper)
{
    struct replica_domain theirs;
    struct replica_name copy;
    struct span name;

    if (!replica_next_domain(keeper->loading, &keeper->telling, &name, &theirs))
        return false;
    if (theirs.state == NULL || !replica_name_set(&copy, name))
        return true;
    if (is_old(keeper))
        mark_not_taken(keeper, replica_name_span(&copy), &theirs);
    else
        take_word(keeper, replica_name_span(&copy), &theirs);
    return true;
}

static void
mark_names(struct replica_keeper *keeper, struct span name)
{
    keeper_suspect(keeper, replica_name_domain(name),
        "pins or units in Redis say otherwise; not taken until accept-state");
}

static bool
next_pin(struct replica_keeper *keeper)
{
    struct span name;
    struct pin theirs;
    struct pin ours;

    if (!replica_next_pin(keeper->loading, &keeper->telling, &name, &theirs))
        return false;
    (void)replica_find_pin(keeper->answering, name, &ours);
    if (theirs.place != ours.place || theirs.until != ours.until)
        mark_names(keeper, name);
    return true;
}

static bool
next_unit(struct replica_keeper *keeper)
{
    struct span recipient;
    struct span unit;

    if (!replica_next_unit(keeper->loading, &keeper->telling, &recipient, &unit))
        return false;
    if (!span_equal(unit, replica_find_unit(keeper->answering, recipient)))
        mark_names(keeper, recipient);
    return true;
}

static bool (*const steps[])(struct replica_keeper *keeper) = {
    next_domain, next_pin, next_unit};

/* --- the refusal --- */

void
keeper_end_load(struct replica_keeper *keeper)
{
    replica_free(keeper->loading);
    keeper->loading = NULL;
    keeper->stage = LOAD_NONE;
    keeper->waiver = (struct replica_waiver){.all = false};
    keeper->accepting = 0;
    keeper->list.targets &= ~(unsigned)REPLICA_LOADING;
    if (keeper->list.targets == 0)
        replica_keeper_drop_list(keeper);
}

static enum replica_load_result
finish(struct replica_keeper *keeper)
{
    const struct replica_losses *losses = &keeper->compare.losses;

    for (size_t i = 0; i < losses->concerned_count; i++)
        keeper_suspect_loss(keeper, span_of(losses->concerned[i]));
    if (keeper->accepting != 0)
        keeper->accepted = keeper->accepting;
    keeper_end_load(keeper);
    return REPLICA_LOAD_REFUSED;
}

/* One domain of it was accepted: that is taken whole. */
static enum replica_load_result
begin_merge(struct replica_keeper *keeper)
{
    struct span domain = span_of(keeper->waiver.domain);
    struct replica_domain ours = {.ours = false};
    struct replica_domain theirs = {.ours = false};

    if (domain.length == 0)
        return finish(keeper);
    (void)replica_find_domain(keeper->answering, domain, &ours);
    (void)replica_find_domain(keeper->loading, domain, &theirs);
    keeper_tell_domain(keeper, REPLICA_FROM_ACCEPT, domain, ours.state, theirs.state);
    replica_merge_start(
        &keeper->merge, keeper->answering, keeper->loading, keeper->waiver.domain);
    keeper->stage = LOAD_MERGING;
    return REPLICA_LOAD_GOES_ON;
}

enum replica_load_result
keeper_begin_refusal(struct replica_keeper *keeper)
{
    keeper->load_refused = true;
    tell_refusal(keeper);
    keeper->refusing = 0;
    keeper->telling = 0;
    keeper->stage = LOAD_REFUSING;
    return REPLICA_LOAD_GOES_ON;
}

enum replica_load_result
keeper_step_refusal(struct replica_keeper *keeper, size_t entries)
{
    if (keeper->stage == LOAD_MERGING)
        return replica_merge_step(&keeper->merge, entries) ? REPLICA_LOAD_GOES_ON
                                                           : finish(keeper);
    for (; entries > 0 && keeper->refusing < ARRAY_LENGTH(steps); entries--) {
        if (steps[keeper->refusing](keeper))
            continue;
        keeper->refusing++;
        keeper->telling = 0;
    }
    return keeper->refusing == ARRAY_LENGTH(steps) ? begin_merge(keeper)
                                                   : REPLICA_LOAD_GOES_ON;
}
