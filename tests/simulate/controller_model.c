/*
 * A controller in the model: reads Redis, gathers facts, and does what plan_step says.
 */
#include <stdio.h>
#include <string.h>

#include "tests/simulate/world.h"

enum { HOOK_SECONDS_MAX = 240 };

static void
read_plan(struct world *world, struct controller *controller)
{
    struct domain_field fields[FIELDS_MAX];
    struct domain_problem problem;
    struct plan_record plan;

    controller->read = world->redis.data;
    controller->read.read_at = world->now;
    if (!plan_record_parse(
            fields, hash_fields(&controller->read.plan, fields), &plan, &problem)) {
        controller->is_behind = true;
        return;
    }
    controller->is_behind = plan.rev < controller->plan_rev;
    if (controller->is_behind)
        return;
    controller->plan_rev = plan.rev;
    controller->plan = plan;
}

/* --- facts --- */

static void
find_doubt(struct world *world, const struct gateway *gateway, struct plan_doubt *doubt)
{
    int64_t now = world->now + gateway->controller.clock_off;
    struct plan_sources sources = {
        .redis_up = true,
        .clock_ahead_s = gateway->controller.clock_off,
        .probe_good = world->backends[SIDE_NEW].fails < 500,
        .clock_step = now < gateway->controller.clock_step + 3600
                          ? gateway->controller.clock_step
                          : 0,
    };

    for (size_t i = 0; i < world->gateway_count; i++) {
        int64_t silent = now - world->redis.beats[i];

        if (silent > 3 * BEAT_SECONDS + 3 * SLOT_SECONDS) {
            sources.silent_gateway = world->gateways[i].name;
            sources.silent_since = world->redis.beats[i];
        }
    }
    plan_doubt_find(&sources, SLOT_SECONDS * 1000, doubt);
}

static void
gather(struct world *world, const struct gateway *gateway, struct judge *judges,
    struct plan_facts *facts)
{
    int64_t now = world->now + gateway->controller.clock_off;
    static const struct judge nothing;

    *judges = (struct judge){0};
    for (size_t i = 0; i < world->gateway_count; i++) {
        if (world->redis.judged_since[i] == gateway->controller.plan.since)
            judge_add(judges, &world->redis.judges[i]);
    }
    *facts = (struct plan_facts){
        .now_ms = now * 1000,
        .local = {(unsigned)((now / 86400 + 4) % 7), (unsigned)(now % 86400 / 60)},
        .series = &world->redis.stats,
        .min_samples = world->min_samples,
        .judge = judges,
        .slow_judge = &nothing,
    };
    find_doubt(world, gateway, &facts->doubt);
    if (gateway->is_suspect || gateway->controller.is_behind)
        (void)snprintf(facts->alarm, sizeof(facts->alarm), "Redis has an older state");
}

/* --- the hook --- */

static void
run_hook(struct world *world, struct controller *controller)
{
    if (controller->hook == PLAN_HOOK_RUNNING && controller->hook_ends <= world->now) {
        controller->hook = controller->hook_fails ? PLAN_HOOK_BAD : PLAN_HOOK_GOOD;
        world_tell(world, "hook ended %s", controller->hook_fails ? "badly" : "well");
    }
    if (controller->hook != PLAN_HOOK_NONE && controller->hook != PLAN_HOOK_RUNNING &&
        controller->plan.step != controller->hook_stage)
        controller->hook = PLAN_HOOK_IDLE;
}

static void
start_hook(struct world *world, struct controller *controller, size_t stage)
{
    controller->hook = PLAN_HOOK_RUNNING;
    controller->hook_stage = stage;
    controller->hook_ends =
        world->now + (int64_t)chance_below(&world->chance, HOOK_SECONDS_MAX);
    controller->hook_fails = world->trouble > 0 && chance_of(&world->chance, 100);
}

/* --- what is done --- */

static void
act(struct world *world, struct gateway *gateway, const struct plan_view *view,
    const struct plan_decision *decision)
{
    struct controller *controller = &gateway->controller;
    struct plan_write write;

    if (decision->move == PLAN_STAND)
        return;
    if (decision->move == PLAN_CALL_OFF) {
        controller->hook = PLAN_HOOK_IDLE;
        controller->hook_stage = 0;
        return;
    }
    plan_write_step(view, decision, &write);
    operators_between(world);
    if (world->redis.is_read_only || !redis_write(world, &controller->read, &write))
        return;
    world_tell(world, "%s: %s by %s: %s -> %s (%s)", gateway->name, write.what, write.by,
        write.from, write.to, decision->why);
    checks_moved(world, gateway, view, decision);
    if (decision->move == PLAN_PREPARE)
        start_hook(world, controller, decision->stage);
}

/* What was read beside the plan is what routes are made from here. */
static bool
is_in_force(const struct gateway *gateway, const struct domain_state *state)
{
    struct replica_domain found;

    return state != NULL &&
           replica_find_domain(gateway->replica, SPAN("example.com"), &found) &&
           found.state != NULL && domain_state_equal(found.state, state);
}

static void
decide(struct world *world, struct gateway *gateway)
{
    struct controller *controller = &gateway->controller;
    int64_t now = world->now + controller->clock_off;
    struct domain_state *state = gateway_parse(&controller->read.domain);
    struct plan_facts facts;
    struct judge judges;
    struct plan_gate gates[PLAN_GATES];
    struct plan_alarm slow;
    struct plan_alarm fast;
    struct plan_domain domain = {.name = SPAN("example.com")};
    struct plan_view view = {
        .plan = &controller->plan,
        .domain = &domain,
        .gates = gates,
        .slow = &slow,
        .fast = &fast,
        .freeze = controller->stopped,
        .hook = controller->hook,
        .gateway = gateway->name,
        .now = now,
    };
    struct plan_decision decision;

    domain.state = state;
    domain.is_suspect =
        gateway->is_suspect || controller->is_behind || !is_in_force(gateway, state);
    gather(world, gateway, &judges, &facts);
    view.gate_count = plan_gates_ask(view.plan, &facts, gates);
    plan_trigger_look(&view.plan->slow, &world->redis.stats, view.plan->since * 1000,
        now * 1000, &slow);
    plan_trigger_look(&view.plan->fast, &world->redis.stats, view.plan->since * 1000,
        now * 1000, &fast);
    plan_step_decide(&view, &decision);
    act(world, gateway, &view, &decision);
    domain_state_free(state);
}

void
controller_start(const struct world *world, struct controller *controller)
{
    *controller = (struct controller){
        .is_up = true, .hook = world->has_hook ? PLAN_HOOK_IDLE : PLAN_HOOK_NONE};
    guard_model_start(controller);
}

void
controller_stop(struct controller *controller)
{
    guard_model_stop(controller);
    controller->is_up = false;
}

/* Without Redis, or with an old plan in it, a controller only ends what it runs for a
 * plan that it can't see. */
void
controller_tick(struct world *world, struct gateway *gateway)
{
    struct controller *controller = &gateway->controller;

    if (!controller->is_up || controller->stopped_until > world->now)
        return;
    if (!gateway_reaches(world, gateway)) {
        guard_model_tick(world, gateway);
        return;
    }
    read_plan(world, controller);
    guard_model_tick(world, gateway);
    if (controller->plan.since != controller->watch_since) {
        judge_watch_restart(&controller->watch);
        controller->watch_since = controller->plan.since;
    }
    run_hook(world, controller);
    decide(world, gateway);
}
