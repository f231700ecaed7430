/*
 * The misprovision guard of a controller in the model: what new refused is asked about,
 * what is found is pinned as the product's pinnings do, and a freeze is handed to the
 * plan as its guards do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulate/world.h"

enum {
    QUIET_SECONDS = 600,
    LOOK_LEAST_MS = 20,
    FULL = 10000,
};

static const struct hash_key key = {1, 2};

void
guard_model_start(struct controller *controller)
{
    static const struct guard_rules none = {0};

    controller->guard = guard_new(&none, key);
}

/* What it held back is lost, and is found again with an attempt. */
void
guard_model_stop(struct controller *controller)
{
    guard_free(controller->guard);
    controller->guard = NULL;
}

void
guard_model_refused(struct gateway *gateway, unsigned unit, const char *reply)
{
    struct refusals_model *refusals = &gateway->refusals;

    if (refusals->count < REFUSALS_KEPT)
        refusals->rows[refusals->count++] = (struct refused){unit, reply};
}

/* --- what stops it, and what lets it go on --- */

static bool
can_be_stopped(enum plan_state state)
{
    return state == PLAN_WAITING || state == PLAN_RUNNING || state == PLAN_PAUSED ||
           state == PLAN_DONE;
}

static void
stop(const struct world *world, struct controller *controller, const char *why)
{
    (void)snprintf(
        controller->stopped, sizeof(controller->stopped), "%.*s", PLAN_TEXT_MAX - 1, why);
    controller->stopped_at = world->now;
    guard_forget_waiting(controller->guard);
}

static void
look_at_plan(const struct world *world, struct controller *controller)
{
    enum plan_state before = controller->seen;
    enum plan_state state = controller->plan.state;
    bool can_be = can_be_stopped(state);
    bool goes_on = (before == PLAN_PAUSED && state != PLAN_PAUSED && can_be) ||
                   (!can_be_stopped(before) && can_be) ||
                   (!can_be && world->now >= controller->stopped_at + QUIET_SECONDS);

    controller->seen = state;
    if (controller->stopped[0] != '\0' && goes_on) {
        controller->stopped[0] = '\0';
        guard_restart(controller->guard);
    }
    if (controller->stopped[0] == '\0' && state == PLAN_PAUSED &&
        guard_is_word(controller->plan.why))
        stop(world, controller, controller->plan.why);
}

static void
look_at_routes(const struct world *world, struct gateway *gateway)
{
    struct replica_domain found;
    struct guard_rules rules = {
        .max_misprovisioned = gateway->controller.plan.max_misprovisioned};

    if (!replica_find_domain(gateway->replica, SPAN("example.com"), &found))
        return;
    rules.old_can_be_asked = !world->old_is_site;
    rules.old_is_final =
        found.state->weight < FULL && found.state->mode != DOMAIN_MODE_NEW;
    guard_set_rules(gateway->controller.guard, &rules);
}

/* --- pins on their way --- */

static void
keep_pin(struct world *world, struct gateway *gateway, unsigned unit, bool is_known)
{
    struct controller *controller = &gateway->controller;

    checks_found(world, gateway, unit, is_known);
    controller->kept[unit] = (struct kept_pin){
        .found = world->now + controller->clock_off, .is_known = is_known};
    world_tell(world, "%s: guard finds user%u %s", gateway->name, unit,
        is_known ? "known on old" : "unknown on both");
}

static void
flush(struct world *world, struct gateway *gateway, unsigned unit)
{
    for (size_t i = 0; i < gateway->waiting_count; i++) {
        if (gateway->waiting[i].unit == unit)
            gateway->waiting[i].again = world->now;
    }
}

static void
write_pins(struct world *world, struct gateway *gateway)
{
    struct controller *controller = &gateway->controller;

    if (!gateway_reaches(world, gateway) || world->redis.is_read_only)
        return;
    for (unsigned unit = 0; unit < UNITS; unit++) {
        if (controller->kept[unit].found == 0)
            continue;
        if (redis_write_pin(world, gateway, unit, &controller->kept[unit]))
            flush(world, gateway, unit);
        controller->kept[unit] = (struct kept_pin){.found = 0};
    }
}

/* --- questions --- */

static unsigned
unit_of(const char *address)
{
    unsigned unit = 0;

    (void)sscanf(address, "user%u@", &unit);
    return unit % UNITS;
}

static enum guard_answer
answer(struct world *world, const struct guard_question *question)
{
    enum domain_side side = question->side == GUARD_ASK_NEW ? SIDE_NEW : SIDE_OLD;
    const struct backend *backend = &world->backends[side];
    unsigned unit = unit_of(question->recipient);

    if (chance_of(&world->chance, backend->fails))
        return GUARD_SILENT;
    if (!backend->refuses_us && !backend->lacks[unit])
        return GUARD_ACCEPTS;
    world->truth.lacks[unit] = world->truth.lacks[unit] || side == SIDE_NEW;
    return GUARD_REFUSES;
}

static void
take_findings(struct world *world, struct gateway *gateway, int64_t at_ms)
{
    struct controller *controller = &gateway->controller;
    struct guard_finding finding;

    while (guard_find(controller->guard, at_ms, &finding)) {
        if (finding.verdict != GUARD_REFUSED_US)
            keep_pin(world, gateway, unit_of(finding.recipient),
                finding.verdict != GUARD_PIN_UNKNOWN);
        if (finding.verdict == GUARD_REFUSED_US || finding.verdict == GUARD_TOO_MANY) {
            world_tell(world, "%s: guard stops: %s", gateway->name, finding.why);
            stop(world, controller, finding.why);
        }
    }
}

/* The seconds of this tick: as many questions as may be asked in them. */
static void
ask(struct world *world, struct gateway *gateway)
{
    struct guard *guard = gateway->controller.guard;
    int64_t at_ms = world->now * 1000;
    int64_t end_ms = at_ms + (int64_t)TICK_SECONDS * 1000;
    struct guard_question question;

    while (at_ms < end_ms) {
        int64_t wait_ms = guard_wait_ms(guard, at_ms);

        if (wait_ms < 0)
            return;
        at_ms += wait_ms < LOOK_LEAST_MS ? LOOK_LEAST_MS : wait_ms;
        if (at_ms >= end_ms)
            return;
        take_findings(world, gateway, at_ms);
        for (int side = 0; side < GUARD_SIDES; side++) {
            if (!guard_next(guard, at_ms, (enum guard_side)side, &question))
                continue;
            checks_asked(world, gateway, unit_of(question.recipient));
            guard_answered(guard, question.id, answer(world, &question));
        }
    }
}

static void
hear(struct world *world, struct gateway *gateway)
{
    struct refusals_model *refusals = &gateway->refusals;

    for (size_t i = 0; i < refusals->count; i++) {
        char address[40];
        struct span recipient;

        (void)snprintf(
            address, sizeof(address), "user%u@example.com", refusals->rows[i].unit);
        recipient = span_of(address);
        if (gateway->controller.stopped[0] == '\0')
            guard_refused(gateway->controller.guard, world->now * 1000, recipient,
                recipient, span_of(refusals->rows[i].reply));
    }
    refusals->count = 0;
}

void
guard_model_tick(struct world *world, struct gateway *gateway)
{
    look_at_plan(world, &gateway->controller);
    look_at_routes(world, gateway);
    hear(world, gateway);
    ask(world, gateway);
    write_pins(world, gateway);
}
