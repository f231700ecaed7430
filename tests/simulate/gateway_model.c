/*
 * A gateway in the model: its replica follows Redis, mail comes, waits and goes where the
 * route says, and what became of first attempts is counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/number.h"
#include "tests/simulate/world.h"

bool
gateway_reaches(const struct world *world, const struct gateway *gateway)
{
    return world->redis.is_up && !gateway->is_cut;
}

struct domain_state *
gateway_parse(const struct hash *domain)
{
    static const struct domain_state_rules rules = {0};
    struct domain_field fields[FIELDS_MAX];
    struct domain_problem problem;

    return domain_state_parse(SPAN("example.com"), fields, hash_fields(domain, fields),
        &rules, &problem, NULL, NULL);
}

/* What was waiting is asked anew. */
void
gateway_drain(struct world *world, struct gateway *gateway)
{
    for (size_t i = 0; i < gateway->waiting_count; i++)
        gateway->waiting[i].again = world->now;
    gateway->controller.drains++;
}

static void
follow_redis(struct world *world, struct gateway *gateway)
{
    struct domain_state *state = gateway_parse(&world->redis.data.domain);
    struct replica_domain known;
    bool differs;

    if (state == NULL) {
        gateway->is_suspect = true;
        return;
    }
    if (state->rev < gateway->rev) {
        gateway->is_suspect = true;
        domain_state_free(state);
        return;
    }
    gateway->is_suspect = false;
    differs = !replica_find_domain(gateway->replica, SPAN("example.com"), &known) ||
              !domain_state_equal(known.state, state);
    gateway->rev = state->rev;
    if (differs) {
        (void)replica_put_domain(
            gateway->replica, SPAN("example.com"), state, state->rev);
        if (gateway->controller.is_up)
            gateway_drain(world, gateway);
    } else {
        domain_state_free(state);
    }
}

/* --- counts --- */

static struct plan_counts *
count_at(struct world *world, struct gateway *gateway, enum domain_side side)
{
    int64_t slot = world->now / SLOT_SECONDS * SLOT_SECONDS;
    struct unsent *last;

    if (gateway->unsent_count == 0 ||
        gateway->unsent[gateway->unsent_count - 1].slot != slot) {
        if (gateway->unsent_count == 64)
            memmove(&gateway->unsent[0], &gateway->unsent[1],
                (size_t)(--gateway->unsent_count) * sizeof(gateway->unsent[0]));
        gateway->unsent[gateway->unsent_count++] = (struct unsent){.slot = slot};
    }
    last = &gateway->unsent[gateway->unsent_count - 1];
    return &last->sides[side];
}

static void
add_counts(struct plan_counts *sum, const struct plan_counts *more)
{
    sum->ok += more->ok;
    sum->fail += more->fail;
    sum->delay_ms += more->delay_ms;
    sum->delay_count += more->delay_count;
}

/* By the gateway's controller, which reads the log. */
static void
send_counts(struct world *world, struct gateway *gateway)
{
    for (size_t i = 0; i < gateway->unsent_count; i++) {
        struct plan_slot *slot =
            plan_series_at(&world->redis.stats, gateway->unsent[i].slot * 1000);

        for (int side = 0; side < DOMAIN_SIDES && slot != NULL; side++)
            add_counts(&slot->sides[side], &gateway->unsent[i].sides[side]);
    }
    gateway->unsent_count = 0;
}

/* --- mail --- */

static void
took(struct world *world, struct gateway *gateway, const struct message *message,
    enum domain_side side, bool ok)
{
    struct plan_counts *counts = count_at(world, gateway, side);

    if (message->attempts > 0)
        return;
    counts->ok += ok;
    counts->fail += !ok;
    if (ok) {
        counts->delay_ms += world->backends[side].delay_ms;
        counts->delay_count++;
    }
}

static bool
attempt(struct world *world, struct gateway *gateway, struct message *message)
{
    char address[40];
    struct route route;
    enum domain_side side;
    bool ok;

    (void)snprintf(address, sizeof(address), "user%u@example.com", message->unit);
    route_decide(&world->rules, gateway->replica, span_of(address), world->now, &route);
    if (route.place != ROUTE_OLD && route.place != ROUTE_NEW)
        return false; /* it waits */
    side = route.place == ROUTE_NEW ? SIDE_NEW : SIDE_OLD;
    ok = !chance_of(&world->chance, world->backends[side].fails);
    took(world, gateway, message, side, ok);
    message->attempts++;
    if (ok)
        world->truth.delivered[side]++;
    return ok;
}

static void
deliver(struct world *world, struct gateway *gateway)
{
    for (size_t i = 0; i < gateway->waiting_count;) {
        struct message *message = &gateway->waiting[i];

        if (message->again > world->now) {
            i++;
        } else if (attempt(world, gateway, message)) {
            *message = gateway->waiting[--gateway->waiting_count];
        } else {
            message->again = world->now + 300;
            i++;
        }
    }
}

static void
accept_mail(struct world *world, struct gateway *gateway)
{
    unsigned count = chance_below(&world->chance, 2 * world->rate + 1);

    for (unsigned i = 0; i < count && gateway->waiting_count < WAITING_MAX; i++) {
        gateway->waiting[gateway->waiting_count++] = (struct message){
            .unit = chance_below(&world->chance, UNITS),
            .since = world->now,
            .again = world->now,
        };
        world->truth.accepted++;
    }
}

void
gateway_tick(struct world *world, struct gateway *gateway)
{
    const struct controller *controller = &gateway->controller;

    if (gateway_reaches(world, gateway))
        follow_redis(world, gateway);
    accept_mail(world, gateway);
    deliver(world, gateway);
    if (gateway_reaches(world, gateway) && !world->redis.is_read_only &&
        controller->is_up && controller->stopped_until <= world->now) {
        send_counts(world, gateway);
        world->redis.beats[gateway - world->gateways] = world->now;
    }
}
