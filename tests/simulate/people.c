/*
 * Operators and faults, by chance.
 */
#include <stdio.h>
#include <string.h>

#include "tests/simulate/world.h"

/* So many of a thousand ticks, where there is trouble. */
static bool
happens(struct world *world, unsigned thousandths)
{
    return chance_below(&world->chance, 4000) < thousandths * world->trouble;
}

/* --- faults --- */

static void
turn_backend(struct world *world, enum domain_side side)
{
    static const unsigned failing[] = {0, 0, 30, 200, 1000};
    struct backend *backend = &world->backends[side];

    backend->fails = failing[chance_below(&world->chance, 5)];
    backend->delay_ms = chance_of(&world->chance, 200) ? 5000 : 300;
    world_tell(world, "%s fails %u of 1000, %u ms", side == SIDE_OLD ? "old" : "new",
        backend->fails, backend->delay_ms);
}

/* A new primary without the last writes. */
static void
fail_over(struct world *world)
{
    struct redis_model *redis = &world->redis;
    unsigned ticks = 1 + chance_below(&world->chance, COPIES);
    const struct redis_data *copy;

    if (redis->copied < ticks)
        return;
    copy = &redis->copies[(redis->copied - ticks) % COPIES];
    world_tell(world, "redis fails over, %u ticks are lost", ticks);
    if (!hash_equal(&redis->data.plan, &copy->plan) ||
        !hash_equal(&redis->data.domain, &copy->domain))
        world->truth.may_forget = true;
    redis->data = *copy;
}

static struct gateway *
some_gateway(struct world *world)
{
    return &world->gateways[chance_below(&world->chance, (unsigned)world->gateway_count)];
}

static void
turn_gateway(struct world *world)
{
    struct gateway *gateway = some_gateway(world);
    struct controller *controller = &gateway->controller;

    switch (chance_below(&world->chance, 4)) {
    case 0:
        gateway->is_cut = !gateway->is_cut;
        break;
    case 1:
        if (controller->is_up) {
            controller_stop(controller);
        } else {
            controller_start(world, controller);
            gateway_drain(world, gateway);
        }
        break;
    case 2:
        controller->stopped_until = world->now + chance_below(&world->chance, 3600);
        break;
    default:
        controller->clock_off += (int64_t)chance_below(&world->chance, 121) - 60;
        controller->clock_step = world->now + controller->clock_off;
        break;
    }
    world_tell(world, "%s: cut %d, controller up %d, stopped for %lld, clock off %lld",
        gateway->name, gateway->is_cut, controller->is_up,
        (long long)(controller->stopped_until - world->now),
        (long long)controller->clock_off);
}

/* With mail to everybody at once: more than the guard takes for single mailboxes. */
static void
begin_to_refuse_us(struct world *world)
{
    world->backends[SIDE_NEW].refuses_us = true;
    world->us_began = world->now;
    world->us_ends = world->now + 300 + chance_below(&world->chance, 1500);
    world_tell(world, "new refuses us");
    for (size_t i = 0; i < world->gateway_count; i++) {
        for (unsigned unit = 0; unit < UNITS; unit++)
            gateway_accept(world, &world->gateways[i], unit);
    }
}

static void
refuse_us(struct world *world)
{
    if (world->us_began == 0 && happens(world, 2))
        begin_to_refuse_us(world);
    if (world->now >= world->us_ends)
        world->backends[SIDE_NEW].refuses_us = false;
}

/* What waits for what a person did to a mailbox is asked about in its own time. */
static void
trouble_all(struct world *world)
{
    for (size_t i = 0; i < world->gateway_count; i++)
        world->gateways[i].troubled = world->now;
}

/* All mailboxes are there, and nothing is held. */
static void
provision(struct world *world)
{
    memset(world->backends[SIDE_OLD].lacks, 0, sizeof(world->backends[SIDE_OLD].lacks));
    memset(world->backends[SIDE_NEW].lacks, 0, sizeof(world->backends[SIDE_NEW].lacks));
    for (unsigned unit = 0; unit < UNITS; unit++) {
        if (world->redis.data.pins[unit].place == PIN_HOLD)
            world->redis.data.pins[unit] = (struct pin_model){PIN_NONE, 0};
    }
    trouble_all(world);
}

static void
calm_down(struct world *world)
{
    world->redis.is_up = true;
    world->redis.is_read_only = false;
    for (size_t i = 0; i < DOMAIN_SIDES; i++) {
        world->backends[i].fails = 0;
        world->backends[i].delay_ms = 300;
        world->backends[i].refuses_us = false;
    }
    if (world->trouble > 0)
        provision(world);
    for (size_t i = 0; i < world->gateway_count; i++) {
        struct gateway *gateway = &world->gateways[i];

        gateway->is_cut = false;
        if (!gateway->controller.is_up)
            controller_start(world, &gateway->controller);
        gateway->controller.stopped_until = 0;
        gateway->controller.clock_off = 0;
    }
    world_tell(world, "calm");
}

void
faults_tick(struct world *world)
{
    if (world->now >= world->calm_from) {
        if (world->now < world->calm_from + TICK_SECONDS)
            calm_down(world);
        return;
    }
    if (happens(world, 8))
        turn_backend(world, SIDE_NEW);
    if (happens(world, 4))
        turn_backend(world, SIDE_OLD);
    if (happens(world, 6))
        turn_gateway(world);
    if (happens(world, 3))
        world->redis.is_up = !world->redis.is_up;
    if (happens(world, 2))
        world->redis.is_read_only = !world->redis.is_read_only;
    if (happens(world, 2))
        fail_over(world);
    refuse_us(world);
}

/* --- operators --- */

static bool
order(struct world *world, enum plan_order what)
{
    struct redis_data read = world->redis.data;
    struct domain_field fields[FIELDS_MAX];
    struct domain_problem problem;
    struct plan_record plan;
    struct plan_write write;
    struct error error;
    struct domain_state *state;

    read.read_at = world->now;
    if (!world->redis.is_up || world->redis.is_read_only ||
        !plan_record_parse(fields, hash_fields(&read.plan, fields), &plan, &problem) ||
        !plan_order_write(what, &plan, what == PLAN_ORDER_ADVANCE ? "stay samples" : "",
            "told to", world->now, &write, &error))
        return false;
    if (what == PLAN_ORDER_ROLLBACK) {
        state = gateway_parse(&read.domain);
        (void)plan_write_rollback(&write, &plan, state, world->now);
        domain_state_free(state);
        if (redis_write(world, &read, &write)) {
            world->truth.weight = 0;
            world->truth.rolled_back = world->now;
        }
    } else {
        (void)redis_write(world, &read, &write);
    }
    world_tell(world, "operator: %s", plan_order_name(what));
    return true;
}

static void
stop(struct world *world, enum plan_order what)
{
    if (order(world, what))
        world->truth.is_stopped = true;
}

static void
go(struct world *world, enum plan_order what)
{
    if (order(world, what)) {
        world->truth.is_stopped = false;
        world->truth.told_to_go = world->now;
    }
}

/* By redis-cli: `rev` stays as it is. */
static void
edit_weight(struct world *world)
{
    static const char *const weights[] = {"0", "10", "30", "50", "70", "80", "100"};
    const char *text = weights[chance_below(&world->chance, 7)];
    struct domain_state *state;

    if (!world->redis.is_up || world->redis.is_read_only)
        return;
    hash_set(&world->redis.data.domain, SPAN("weight"), span_of(text));
    state = gateway_parse(&world->redis.data.domain);
    world->truth.weight = state->weight;
    world->truth.rolled_back = 0;
    domain_state_free(state);
    world_tell(world, "operator: weight %s by hand", text);
}

/* By redis-cli. */
static void
pin_somebody(struct world *world)
{
    static const enum pin_place places[] = {PIN_NONE, PIN_OLD, PIN_NEW, PIN_HOLD};
    unsigned unit = chance_below(&world->chance, UNITS);
    enum pin_place place = places[chance_below(&world->chance, 4)];

    if (!world->redis.is_up || world->redis.is_read_only)
        return;
    world->redis.data.pins[unit] = (struct pin_model){place, 0};
    trouble_all(world);
    world_tell(world, "operator: pin user%u %s", unit, pin_place_name(place));
}

/* What was decided is stale, and must not be written. */
void
operators_between(struct world *world)
{
    if (world->now >= world->calm_from || !happens(world, 60))
        return;
    switch (chance_below(&world->chance, 4)) {
    case 0:
        stop(world, PLAN_ORDER_PAUSE);
        break;
    case 1:
        stop(world, PLAN_ORDER_ABORT);
        break;
    case 2:
        stop(world, PLAN_ORDER_ROLLBACK);
        break;
    default:
        edit_weight(world);
        break;
    }
}

void
operators_tick(struct world *world)
{
    if (world->now == START)
        go(world, PLAN_ORDER_START);
    if (world->now >= world->calm_from)
        return;
    if (happens(world, 2))
        edit_weight(world);
    if (happens(world, 2))
        pin_somebody(world);
    if (happens(world, 2))
        stop(world, PLAN_ORDER_PAUSE);
    if (happens(world, 1))
        stop(world, PLAN_ORDER_ABORT);
    if (happens(world, 1))
        stop(world, PLAN_ORDER_ROLLBACK);
    if (happens(world, 3))
        (void)order(world, PLAN_ORDER_ADVANCE);
    if (happens(world, 8))
        go(world, PLAN_ORDER_RESUME);
    if (happens(world, 4))
        go(world, PLAN_ORDER_START);
}
