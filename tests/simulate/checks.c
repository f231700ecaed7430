/*
 * What has to hold, whatever happens.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/simulate/world.h"

enum { STAY_SECONDS_LEAST = 480, DRAINED_SECONDS = 900, AGREED_SECONDS = 60 };

static unsigned
weight_in_redis(const struct world *world)
{
    struct domain_state *state = gateway_parse(&world->redis.data.domain);
    unsigned weight = state->weight;

    domain_state_free(state);
    return weight;
}

/* By the sums that Redis had, computed without plan_series. */
static void
sum_since(const struct world *world, int64_t since, struct plan_counts *sum)
{
    *sum = (struct plan_counts){0};
    for (size_t i = 0; i < world->redis.stats.count; i++) {
        const struct plan_slot *slot = &world->redis.stats.slots[i];

        if (slot->start_ms < since * 1000)
            continue;
        sum->ok += slot->sides[SIDE_NEW].ok;
        sum->fail += slot->sides[SIDE_NEW].fail;
    }
}

static bool
has_silent_gateway(const struct world *world, int64_t now)
{
    for (size_t i = 0; i < world->gateway_count; i++) {
        if (now - world->redis.beats[i] > 3 * BEAT_SECONDS + 3 * SLOT_SECONDS)
            return true;
    }
    return false;
}

/* Nobody ordered it: every gate has to have been open. */
static void
check_gates(struct world *world, const struct plan_view *view)
{
    const struct plan_record *plan = view->plan;
    struct plan_counts sum;
    struct judge judge = {0};
    int64_t minute = view->now % 86400 / 60;

    if (view->now - plan->since < STAY_SECONDS_LEAST)
        world_fault(
            world, "an advance after %lld s", (long long)(view->now - plan->since));
    if (world->has_window && ((minute >= 750 && minute < 765) || minute < 720))
        world_fault(world, "an advance outside its window");
    if (has_silent_gateway(world, view->now))
        world_fault(world, "an advance while a gateway is silent");
    sum_since(world, plan->since, &sum);
    if (sum.ok < world->min_samples)
        world_fault(
            world, "an advance after %llu deliveries on new", (unsigned long long)sum.ok);
    if ((double)sum.ok < 0.97 * (double)(sum.ok + sum.fail))
        world_fault(world, "an advance at %llu of %llu on new",
            (unsigned long long)sum.ok, (unsigned long long)(sum.ok + sum.fail));
    if (view->domain->is_suspect)
        world_fault(world, "an advance while Redis has an older state");
    for (size_t i = 0; i < world->gateway_count; i++) {
        if (world->redis.judged_since[i] == plan->since)
            judge_add(&judge, &world->redis.judges[i]);
    }
    if (judge_worse(&judge) >= 20)
        world_fault(world, "an advance though new is worse");
}

static void
check_advance(struct world *world, const struct gateway *gateway,
    const struct plan_view *view, const struct plan_decision *decision)
{
    struct truth *truth = &world->truth;

    truth->advances++;
    if (truth->is_stopped && !truth->may_forget)
        world_fault(world, "an advance after a stop");
    if (decision->stage <= view->plan->stage && view->plan->state != PLAN_WAITING &&
        !view->plan->edited)
        world_fault(world, "from stage %zu to %zu", view->plan->stage, decision->stage);
    if (weight_in_redis(world) < view->domain->state->weight)
        world_fault(world, "an advance that lowers the weight");
    if (world->has_hook && !(gateway->controller.hook == PLAN_HOOK_GOOD &&
                               gateway->controller.hook_stage == decision->stage))
        world_fault(world, "an advance without its hook");
    if (view->plan->state == PLAN_RUNNING && !view->plan->ordered)
        check_gates(world, view);
}

void
checks_moved(struct world *world, const struct gateway *gateway,
    const struct plan_view *view, const struct plan_decision *decision)
{
    struct truth *truth = &world->truth;

    switch (decision->move) {
    case PLAN_ADVANCE:
        check_advance(world, gateway, view, decision);
        truth->weight = weight_in_redis(world);
        truth->stage_since = world->now;
        truth->rolled_back = 0;
        break;
    case PLAN_ROLL_BACK:
        truth->rollbacks++;
        truth->is_stopped = true;
        truth->rolled_back = world->now;
        truth->weight = 0;
        break;
    case PLAN_FREEZE:
        truth->freezes++;
        truth->is_stopped = true;
        break;
    case PLAN_PAUSE:
        truth->is_stopped = true;
        break;
    case PLAN_PREPARE:
        if (truth->is_stopped && !truth->may_forget)
            world_fault(world, "a hook is begun after a stop");
        break;
    case PLAN_STAND:
    case PLAN_CALL_OFF:
    case PLAN_LET_GO:
    case PLAN_FINISH:
    case PLAN_NOTE:
        break;
    }
}

/* A person's pin keeps it where it is, or old does not know it. */
static bool
may_wait(const struct world *world, unsigned unit)
{
    enum pin_place place = world->redis.data.pins[unit].place;

    return (world->trouble == 0 && checks_is_final(world)) ||
           world->backends[SIDE_OLD].lacks[unit] || place == PIN_HOLD || place == PIN_NEW;
}

/* After a rollback what waited is on old, where nothing kept it from that. */
static void
check_drained(struct world *world, const struct gateway *gateway)
{
    int64_t from = world->truth.rolled_back;

    if (from == 0 || world->truth.may_forget || weight_in_redis(world) > 0 ||
        gateway->is_suspect)
        return;
    if (world->now < from + DRAINED_SECONDS ||
        world->now < gateway->troubled + DRAINED_SECONDS)
        return;
    for (size_t i = 0; i < gateway->waiting_count; i++) {
        if (gateway->waiting[i].since < from &&
            !may_wait(world, gateway->waiting[i].unit))
            world_fault(world, "%s still has mail of before the rollback", gateway->name);
    }
}

/* Who sees Redis sees the same plan, or says that it is an old one. */
static void
check_agreed(struct world *world, const struct gateway *gateway)
{
    const struct controller *controller = &gateway->controller;
    const char *rev = hash_get(&controller->read.plan, "rev");

    if (world->now < gateway->troubled + AGREED_SECONDS || controller->is_behind)
        return;
    if (controller->plan.rev != strtoull(rev, NULL, 10))
        world_fault(world, "%s has plan %llu, Redis %s", gateway->name,
            (unsigned long long)controller->plan.rev, rev);
}

void
checks_tick(struct world *world)
{
    struct truth *truth = &world->truth;
    uint64_t waiting = 0;

    if (truth->may_forget)
        truth->weight = weight_in_redis(world);
    if (weight_in_redis(world) != truth->weight)
        world_fault(world, "the weight went from %u to %u, and nobody moved it",
            truth->weight, weight_in_redis(world));
    for (size_t i = 0; i < world->gateway_count; i++) {
        waiting += world->gateways[i].waiting_count;
        check_drained(world, &world->gateways[i]);
        check_agreed(world, &world->gateways[i]);
        checks_guard(world, &world->gateways[i]);
    }
    if (truth->accepted != truth->delivered[SIDE_OLD] + truth->delivered[SIDE_NEW] +
                               truth->refused + waiting)
        world_fault(world, "%llu accepted, %llu and %llu delivered, %llu waiting",
            (unsigned long long)truth->accepted,
            (unsigned long long)truth->delivered[SIDE_OLD],
            (unsigned long long)truth->delivered[SIDE_NEW], (unsigned long long)waiting);
}

/* Calm for long enough: all agree, nothing of before waits, and a plan that nobody
 * stopped has gone on. */
void
checks_at_end(struct world *world)
{
    if (world->trouble == 0 && world->truth.is_stopped)
        world_fault(world, "a plan without trouble is %s",
            hash_get(&world->redis.data.plan, "state"));
    if (world->trouble == 0 && world->truth.advances == 0)
        world_fault(world, "a plan without trouble stands still");
    for (size_t i = 0; i < world->gateway_count; i++) {
        const struct gateway *gateway = &world->gateways[i];

        for (size_t m = 0; m < gateway->waiting_count; m++) {
            if (gateway->waiting[m].since < world->calm_from &&
                !may_wait(world, gateway->waiting[m].unit))
                world_fault(world, "mail of before waits on %s", gateway->name);
        }
        if (gateway->controller.is_behind != world->gateways[0].controller.is_behind &&
            !world->truth.may_forget)
            world_fault(world, "%s has an older plan", gateway->name);
        if (gateway->controller.hook == PLAN_HOOK_RUNNING &&
            hash_get(&world->redis.data.plan, "step")[0] == '\0')
            world_fault(world, "%s runs a hook for nothing", gateway->name);
    }
}
