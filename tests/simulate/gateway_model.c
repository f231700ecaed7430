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
follow_pins(const struct world *world, struct gateway *gateway)
{
    for (unsigned unit = 0; unit < UNITS; unit++) {
        const struct pin_model *pin = &world->redis.data.pins[unit];
        struct pin_model *known = &gateway->pins[unit];
        char address[40];

        if (known->place == pin->place && known->until == pin->until)
            continue;
        *known = *pin;
        (void)snprintf(address, sizeof(address), "user%u@example.com", unit);
        (void)replica_put_pin(gateway->replica, span_of(address), pin->place, pin->until);
    }
}

static void
follow_domain(struct world *world, struct gateway *gateway)
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
    sum->neutral += more->neutral;
    sum->rejected += more->rejected;
    sum->unknown += more->unknown;
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

/* What the log says of an attempt; of ten that fail one is greylisted, one is refused. */
static const char *
some_failure(struct world *world, enum maillog_status *status)
{
    static const char *const failures[] = {
        "connect to backend.example[192.0.2.20]:25: Connection refused",
        "lost connection with backend.example[192.0.2.20] while sending end of data",
        "host backend.example[192.0.2.20] refused to talk to me: 421 4.3.2 too busy",
        "delivery temporarily suspended: connect to backend.example[192.0.2.20]:25: "
        "Connection timed out",
    };
    unsigned kind = chance_below(&world->chance, 10);

    *status = MAILLOG_DEFERRED;
    if (kind == 0)
        return "host backend.example[192.0.2.20] said: 450 4.2.0 greylisted (in reply to "
               "RCPT TO command)";
    if (kind == 1)
        return "host backend.example[192.0.2.20] said: 550 5.7.1 not you (in reply to "
               "RCPT TO command)";
    return failures[kind % 4];
}

static void
judge(struct world *world, struct gateway *gateway, enum domain_side side,
    enum outcome outcome, const char *text)
{
    struct judge_watch *watch = &gateway->controller.watch;

    if (outcome == OUTCOME_OK)
        judge_watch_delivered(watch, world->now * 1000, side == SIDE_NEW);
    else if (outcome == OUTCOME_FAIL)
        judge_watch_failed(watch, world->now * 1000, side == SIDE_NEW, span_of(text));
}

/* The first attempt of a message counts. */
static void
count(struct world *world, struct gateway *gateway, enum domain_side side,
    enum outcome outcome)
{
    struct plan_counts *counts = count_at(world, gateway, side);

    counts->ok += outcome == OUTCOME_OK;
    counts->fail += outcome == OUTCOME_FAIL;
    counts->neutral += outcome == OUTCOME_NEUTRAL;
    counts->rejected += outcome == OUTCOME_REJECTED;
    counts->unknown += outcome == OUTCOME_UNKNOWN;
    if (outcome == OUTCOME_OK) {
        counts->delay_ms += world->backends[side].delay_ms;
        counts->delay_count++;
    }
}

static const char *
some_reply(struct world *world, enum domain_side side, unsigned unit,
    enum maillog_status *status)
{
    const struct backend *backend = &world->backends[side];

    if (chance_of(&world->chance, backend->fails))
        return some_failure(world, status);
    *status =
        backend->refuses_us || backend->lacks[unit] ? MAILLOG_DEFERRED : MAILLOG_SENT;
    if (backend->refuses_us)
        return "host backend.example[192.0.2.20] said: 554 5.7.1 Unable to relay (in "
               "reply to RCPT TO command)";
    if (backend->lacks[unit])
        return "host backend.example[192.0.2.20] said: 550 5.1.1 User unknown (in reply "
               "to RCPT TO command)";
    return "250 2.0.0 stored";
}

/* Old is the site's own, and does not know it: so the sender is told, as ever. */
static bool
is_final(const struct world *world, enum domain_side side, enum outcome outcome)
{
    return side == SIDE_OLD && world->old_is_site && outcome == OUTCOME_UNKNOWN;
}

/* True: the message is gone. */
static bool
attempt(struct world *world, struct gateway *gateway, struct message *message)
{
    char address[40];
    struct route route;
    struct maillog_reply reply;
    enum maillog_status status = MAILLOG_SENT;
    enum domain_side side;
    enum outcome outcome;
    const char *text;

    (void)snprintf(address, sizeof(address), "user%u@example.com", message->unit);
    route_decide(&world->rules, gateway->replica, span_of(address), world->now, &route);
    if (route.place != ROUTE_OLD && route.place != ROUTE_NEW)
        return false; /* it waits */
    side = route.place == ROUTE_NEW ? SIDE_NEW : SIDE_OLD;
    text = some_reply(world, side, message->unit, &status);
    maillog_reply_parse(span_of(text), &reply);
    outcome = outcome_of(status, &reply);
    if (message->attempts++ == 0) {
        count(world, gateway, side, outcome);
        judge(world, gateway, side, outcome, text);
    }
    if (side == SIDE_NEW && reply.phase == PHASE_RCPT && reply.code >= 500) {
        checks_refused(world, gateway, message->unit);
        guard_model_refused(gateway, message->unit, text);
    }
    if (outcome == OUTCOME_OK)
        checks_delivered(world, message, side);
    if (is_final(world, side, outcome))
        world->truth.refused++;
    return outcome == OUTCOME_OK || is_final(world, side, outcome);
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

void
gateway_accept(struct world *world, struct gateway *gateway, unsigned unit)
{
    if (gateway->waiting_count == WAITING_MAX)
        return;
    gateway->waiting[gateway->waiting_count++] =
        (struct message){.unit = unit, .since = world->now, .again = world->now};
    world->truth.accepted++;
}

static void
accept_mail(struct world *world, struct gateway *gateway)
{
    unsigned some = chance_below(&world->chance, 2 * world->rate + 1);

    for (unsigned i = 0; i < some; i++)
        gateway_accept(world, gateway, chance_below(&world->chance, UNITS));
}

void
gateway_tick(struct world *world, struct gateway *gateway)
{
    const struct controller *controller = &gateway->controller;

    if (gateway_reaches(world, gateway)) {
        follow_domain(world, gateway);
        follow_pins(world, gateway);
    }
    accept_mail(world, gateway);
    deliver(world, gateway);
    if (gateway_reaches(world, gateway) && !world->redis.is_read_only &&
        controller->is_up && controller->stopped_until <= world->now) {
        send_counts(world, gateway);
        world->redis.beats[gateway - world->gateways] = world->now;
        world->redis.judges[gateway - world->gateways] = controller->watch.judge;
        world->redis.judged_since[gateway - world->gateways] = controller->watch_since;
    }
    if (!gateway_reaches(world, gateway) || world->redis.is_read_only ||
        !controller->is_up || controller->stopped_until > world->now ||
        world->backends[SIDE_OLD].fails > 0)
        gateway->troubled = world->now;
    checks_burst(world, gateway);
}
