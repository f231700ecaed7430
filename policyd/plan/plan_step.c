#include "policyd/plan/plan_step.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/attributes.h"

ATTRIBUTE_PRINTF(5, 6)
static bool
decide(struct plan_decision *decision, enum plan_move move, size_t stage, const char *by,
    const char *format, ...)
{
    va_list arguments;

    *decision = (struct plan_decision){.move = move, .stage = stage, .by = by};
    va_start(arguments, format);
    (void)vsnprintf(decision->why, sizeof(decision->why), format, arguments);
    va_end(arguments);
    return true;
}

/* Nothing more goes on for this plan: what we run for it ends. */
static bool
stand(const struct plan_view *view, struct plan_decision *decision, const char *why)
{
    bool runs = view->hook == PLAN_HOOK_RUNNING;

    return decide(decision, runs ? PLAN_CALL_OFF : PLAN_STAND, 0, "plan", "%s", why);
}

/* --- what is where --- */

static bool
has_list(const struct domain_state *state, const char *name)
{
    for (size_t i = 0; i < state->list_count; i++) {
        if (strcmp(state->lists[i], name) == 0)
            return true;
    }
    return false;
}

static bool
is_list(const struct plan_stage *stage)
{
    return stage->list[0] != '\0';
}

/* Something of the domain is on new by weight, mode or the plan's lists. */
static bool
is_moved(const struct plan_record *plan, const struct domain_state *state)
{
    if (state->weight > 0 || state->mode == DOMAIN_MODE_NEW)
        return true;
    for (size_t i = 0; i < plan->stage_count; i++) {
        if (is_list(&plan->stages[i]) && has_list(state, plan->stages[i].list))
            return true;
    }
    return false;
}

size_t
plan_step_next(const struct plan_record *plan, const struct domain_state *state)
{
    for (size_t i = 0; i < plan->stage_count; i++) {
        const struct plan_stage *stage = &plan->stages[i];

        if (is_list(stage) ? i >= plan->stage && !has_list(state, stage->list)
                           : stage->weight > state->weight)
            return i + 1;
    }
    return 0;
}

/* Where a plan begins: at its first stage, or, on a domain that is further, at the
 * highest one that is not above. */
static size_t
first_stage(const struct plan_record *plan, const struct domain_state *state)
{
    size_t first = 1;

    for (size_t i = 0; i < plan->stage_count && state->weight > 0; i++) {
        if (!is_list(&plan->stages[i]) && plan->stages[i].weight <= state->weight)
            first = i + 1;
    }
    return first;
}

/* --- stops --- */

static bool
freeze(const struct plan_view *view, const char *by, const char *why,
    struct plan_decision *decision)
{
    return view->plan->state != PLAN_PAUSED &&
           decide(decision, PLAN_FREEZE, 0, by, "%s", why);
}

static bool
pull(const struct plan_view *view, const struct plan_trigger *trigger,
    const struct plan_alarm *alarm, const char *by, struct plan_decision *decision)
{
    if (!alarm->is_pulled || trigger->action == PLAN_ACTION_NONE)
        return false;
    if (trigger->action == PLAN_ACTION_ROLLBACK && !view->domain->is_suspect &&
        is_moved(view->plan, view->domain->state))
        return decide(decision, PLAN_ROLL_BACK, 0, by, "%s", alarm->text);
    return freeze(view, by, alarm->text, decision);
}

static bool
stops(const struct plan_view *view, struct plan_decision *decision)
{
    const struct plan_record *plan = view->plan;

    if (pull(view, &plan->slow, view->slow, "slow-trigger", decision) ||
        pull(view, &plan->fast, view->fast, "fast-trigger", decision))
        return true;
    return view->freeze[0] != '\0' && freeze(view, "guard", view->freeze, decision);
}

/* --- edits by hand --- */

static bool
lost_list(const struct plan_view *view, struct plan_decision *decision)
{
    const struct plan_record *plan = view->plan;

    for (size_t i = 0; i < plan->stage; i++) {
        const struct plan_stage *stage = &plan->stages[i];

        if (is_list(stage) && !has_list(view->domain->state, stage->list))
            return decide(decision, PLAN_PAUSE, 0, "edit",
                "the list %s was taken out of `lists` by hand", stage->list);
    }
    return false;
}

static bool
edited(const struct plan_view *view, struct plan_decision *decision)
{
    const struct plan_record *plan = view->plan;
    const struct domain_state *state = view->domain->state;
    char was[8];
    char is[8];

    if (state->mode != DOMAIN_MODE_SPLIT)
        return decide(decision, PLAN_PAUSE, 0, "edit", "the mode was set to %s by hand",
            domain_mode_name(state->mode));
    if (plan->state == PLAN_WAITING || plan->stage == 0)
        return false;
    domain_weight_write(plan->weight, was);
    domain_weight_write(state->weight, is);
    if (!plan->has_weight)
        return decide(decision, PLAN_NOTE, 0, "edit", "goes on from weight %s", is);
    if (state->weight < plan->weight)
        return decide(decision, PLAN_PAUSE, 0, "edit",
            "the weight was lowered from %s to %s by hand", was, is);
    if (lost_list(view, decision))
        return true;
    return state->weight > plan->weight &&
           decide(decision, PLAN_NOTE, 0, "edit",
               "the weight was raised from %s to %s by hand", was, is);
}

/* --- advance --- */

/* The gates but the hook's, which is run last. */
static const struct plan_gate *
closed_gate(const struct plan_view *view)
{
    for (size_t i = 0; i < view->gate_count; i++) {
        const struct plan_gate *gate = &view->gates[i];

        if (gate->kind != GATE_HOOK && gate->answer != PLAN_YES &&
            !plan_record_is_past(view->plan, plan_gate_name(gate->kind)))
            return gate;
    }
    return NULL;
}

/* What a person started is not asked. */
static const struct plan_gate *
what_bars(const struct plan_view *view)
{
    return view->plan->state == PLAN_WAITING ? NULL : closed_gate(view);
}

static const char *
who(const struct plan_record *plan)
{
    return plan->ordered || plan->state == PLAN_WAITING ? "operator" : "plan";
}

static bool
advance(const struct plan_view *view, size_t stage, struct plan_decision *decision)
{
    const struct plan_record *plan = view->plan;

    if (plan->state == PLAN_WAITING)
        return decide(decision, PLAN_ADVANCE, stage, who(plan), "the plan was started");
    if (plan->ordered)
        return decide(decision, PLAN_ADVANCE, stage, who(plan), "advance now%s%s",
            plan->past[0] != '\0' ? ", past " : "", plan->past);
    return decide(decision, PLAN_ADVANCE, stage, who(plan), "every gate says yes");
}

static bool
prepare(const struct plan_view *view, size_t stage, struct plan_decision *decision)
{
    return decide(decision, PLAN_PREPARE, stage, who(view->plan),
        "before_advance for stage %zu of %zu", stage, view->plan->stage_count);
}

static bool
let_go(const struct plan_gate *gate, struct plan_decision *decision)
{
    return decide(decision, PLAN_LET_GO, 0, "plan", "%s: %s", plan_gate_name(gate->kind),
        gate->text);
}

/* Our own step: its hook runs, has ended, or was lost with a former life of ours. */
static bool
go_on(const struct plan_view *view, struct plan_decision *decision)
{
    size_t stage = view->plan->step;
    const struct plan_gate *gate = what_bars(view);

    switch (view->hook) {
    case PLAN_HOOK_RUNNING:
        return decide(decision, PLAN_STAND, stage, "plan", "before_advance runs");
    case PLAN_HOOK_BAD:
        return decide(decision, PLAN_PAUSE, 0, "hook", "before_advance failed");
    case PLAN_HOOK_IDLE:
        return prepare(view, stage, decision);
    case PLAN_HOOK_NONE:
    case PLAN_HOOK_GOOD:
        break;
    }
    return gate != NULL ? let_go(gate, decision) : advance(view, stage, decision);
}

static bool
prepared(const struct plan_view *view, struct plan_decision *decision)
{
    const struct plan_record *plan = view->plan;

    if (plan->step == 0)
        return view->hook == PLAN_HOOK_RUNNING &&
               stand(view, decision, "what was prepared is called off");
    if (strcmp(plan->step_by, view->gateway) == 0)
        return go_on(view, decision);
    if (view->hook != PLAN_HOOK_RUNNING &&
        view->now > plan->step_since + PLAN_STEP_SECONDS)
        return prepare(view, plan->step, decision);
    return stand(view, decision, "another gateway prepares the step");
}

static bool
begin(const struct plan_view *view, size_t stage, struct plan_decision *decision)
{
    bool runs_hook = view->hook != PLAN_HOOK_NONE &&
                     !plan_record_is_past(view->plan, plan_gate_name(GATE_HOOK));

    return runs_hook ? prepare(view, stage, decision) : advance(view, stage, decision);
}

static bool
due(const struct plan_view *view, struct plan_decision *decision)
{
    const struct plan_record *plan = view->plan;
    const struct plan_gate *gate = what_bars(view);
    size_t next = plan->state == PLAN_WAITING ? first_stage(plan, view->domain->state)
                                              : plan_step_next(plan, view->domain->state);

    if (gate != NULL && plan->ordered)
        return let_go(gate, decision);
    if (gate != NULL)
        return decide(decision, PLAN_STAND, next, "plan", "%s: %s",
            plan_gate_name(gate->kind), gate->text);
    if (next == 0)
        return decide(
            decision, PLAN_FINISH, 0, who(plan), "the last stage's stay is over");
    return begin(view, next, decision);
}

/* --- all of it --- */

static const char *
why_nothing(const struct plan_domain *domain)
{
    if (domain->state == NULL)
        return "the domain has no good state";
    if (domain->state->same_as[0] != '\0')
        return "the domain is same_as another, whose plan counts";
    if (domain->state->mode == DOMAIN_MODE_FORGOTTEN)
        return "the domain is forgotten";
    return domain->is_overridden ? "the override file decides" : NULL;
}

void
plan_step_decide(const struct plan_view *view, struct plan_decision *decision)
{
    const struct plan_record *plan = view->plan;
    const char *nothing = why_nothing(view->domain);
    bool is_over = plan->state == PLAN_NONE || plan->state == PLAN_ABORTED ||
                   plan->state == PLAN_ROLLED_BACK;

    if (is_over || nothing != NULL) {
        (void)stand(view, decision, is_over ? plan->why : nothing);
        return;
    }
    if (stops(view, decision))
        return;
    if (plan->state == PLAN_PAUSED) {
        (void)stand(view, decision, plan->why);
        return;
    }
    if (view->domain->is_suspect) {
        (void)stand(view, decision, "Redis says something else than what is in force");
        return;
    }
    if (edited(view, decision))
        return;
    if (plan->state == PLAN_DONE) {
        (void)stand(view, decision, "the last stage's stay is over");
        return;
    }
    if (!prepared(view, decision))
        (void)due(view, decision);
}
