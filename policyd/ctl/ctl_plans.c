#include "policyd/ctl/ctl_plans.h"

#include <time.h>

#include "policyd/ctl/ctl_controller.h"
#include "policyd/ctl/ctl_json_write.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_plan.h"
#include "policyd/ctl/ctl_plan_text.h"
#include "policyd/ctl/ctl_policyd.h"

enum { NAMES_MAX = 20 };

/* Plans that Redis has. */
struct names {
    struct ctl *ctl;
    struct span items[NAMES_MAX];
    size_t count;
};

static bool
take_name(void *argument, struct span key, struct error *error)
{
    struct names *names = argument;

    (void)error;
    if (names->count < NAMES_MAX)
        names->items[names->count++] =
            arena_span(names->ctl->arena, span_from(key, sizeof("plan:") - 1));
    return true;
}

/* Nobody here advances them, and nobody here stops them. */
static void
look_at_redis(struct ctl_plans *plans, struct ctl_health *health, struct ctl *ctl,
    const struct ctl_json *status)
{
    struct names names = {.ctl = ctl};
    struct error error;

    /* Who has just been told that Redis is away need not wait for it once more. */
    if (!ctl_json_is_true(ctl_json_get(status, "redis"), "up") ||
        !ctl_config_serves(ctl->config, CTL_NEEDS_REDIS) ||
        !ctl_store_scan(ctl, "plan:*", take_name, &names, &error))
        return;
    for (size_t i = 0; i < names.count; i++) {
        const char *name = ctl_output_text(ctl->arena, names.items[i]);
        struct ctl_plan plan;

        if (!ctl_plan_read(ctl, name, &plan, &error))
            return;
        if (plan.record.state != PLAN_WAITING && plan.record.state != PLAN_RUNNING &&
            plan.record.state != PLAN_DONE)
            continue;
        ctl_health_add(health, ctl_policyd_find_domain(status, name), true,
            arena_printf(ctl->arena,
                "its plan is %s, and the controller of this gateway can't be asked: %s",
                plan_state_name(plan.record.state), plans->silent));
    }
}

static void
look_at_plan(struct ctl_health *health, struct ctl *ctl, const struct ctl_json *status,
    const struct ctl_json *plan)
{
    struct span state = ctl_json_text(plan, "state");
    struct span text = span_is(state, "bad") ? ctl_json_text(plan, "problem")
                                             : ctl_json_text(plan, "why");
    const char *name = arena_text(ctl->arena, ctl_json_text(plan, "domain"));

    if (!span_is(state, "bad") && !span_is(state, "rolled-back"))
        return;
    ctl_health_add(health, ctl_policyd_find_domain(status, name), true,
        arena_printf(ctl->arena, "its plan is %s: %s", ctl_output_text(ctl->arena, state),
            ctl_output_text(ctl->arena, text)));
}

void
ctl_plans_look(struct ctl_plans *plans, struct ctl_health *health, struct ctl *ctl,
    const struct ctl_json *status)
{
    struct error error;

    *plans = (struct ctl_plans){.status = ctl_controller_status(ctl, &error)};
    if (plans->status == NULL) {
        plans->silent = ctl_output_text(ctl->arena, span_of(error.text));
        look_at_redis(plans, health, ctl, status);
        return;
    }
    ctl_controller_look(health, ctl, plans->status);
    for (const struct ctl_json *i = ctl_json_get(plans->status, "plans")->first;
         i != NULL; i = i->next)
        look_at_plan(health, ctl, status, i);
}

static void
print_short(struct ctl *ctl, const struct ctl_json *plan)
{
    ctl_output_note("plan of %s: %s",
        ctl_output_text(ctl->arena, ctl_json_text(plan, "domain")),
        ctl_output_text(ctl->arena, ctl_json_text(plan, "sentence")));
    if (!ctl_json_is_null(plan, "waits_for"))
        ctl_output_note("  waits for %s",
            ctl_output_text(ctl->arena, ctl_json_text(plan, "waits_for")));
}

void
ctl_plans_print(const struct ctl_plans *plans, struct ctl *ctl, bool whole)
{
    const struct ctl_json *plan =
        plans->status == NULL ? NULL : ctl_json_get(plans->status, "plans")->first;

    for (; plan != NULL; plan = plan->next) {
        if (!whole) {
            print_short(ctl, plan);
            continue;
        }
        ctl_output_raw(SPAN("\n"));
        ctl_plan_text_print(ctl, plan, (int64_t)time(NULL), true);
    }
}

void
ctl_plans_write(struct json *json, const struct ctl_plans *plans)
{
    if (plans->status == NULL)
        json_null(json, "plans");
    else
        ctl_json_write(json, "plans", ctl_json_get(plans->status, "plans"));
    json_text(json, "controller_not_asked", plans->silent);
}
