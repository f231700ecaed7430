#include "policyd/plan/plan_write.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void
set(struct domain_field *fields, size_t *count, const char *name, struct span value)
{
    assert(*count < PLAN_WRITE_FIELDS_MAX);
    fields[(*count)++] = (struct domain_field){span_of(name), value};
}

static struct span
number_text(struct plan_write *write, uint64_t number)
{
    size_t at = write->number_count++;

    assert(at < sizeof(write->numbers) / sizeof(write->numbers[0]));
    (void)snprintf(write->numbers[at], sizeof(write->numbers[at]), "%" PRIu64, number);
    return span_of(write->numbers[at]);
}

static struct span
weight_text(struct plan_write *write, unsigned weight)
{
    size_t at = write->number_count++;

    assert(at < sizeof(write->numbers) / sizeof(write->numbers[0]));
    domain_weight_write(weight, write->numbers[at]);
    return span_of(write->numbers[at]);
}

static uint64_t
next_rev(uint64_t rev, int64_t now)
{
    if (rev >= DOMAIN_REV_MAX)
        return DOMAIN_REV_MAX;
    return rev >= (uint64_t)now ? rev + 1 : (uint64_t)now;
}

void
plan_write_set(struct plan_write *write, const char *field, struct span value)
{
    set(write->plan, &write->plan_count, field, value);
}

void
plan_write_number(struct plan_write *write, const char *field, uint64_t number)
{
    plan_write_set(write, field, number_text(write, number));
}

void
plan_write_begin(struct plan_write *write, const struct plan_record *plan, int64_t now,
    const char *what, const char *by, const char *why)
{
    *write = (struct plan_write){.what = what, .by = by};
    (void)snprintf(write->why, sizeof(write->why), "%s", why);
    write->rev = next_rev(plan->rev, now);
    plan_write_number(write, "rev", write->rev);
}

void
plan_write_drop_step(struct plan_write *write)
{
    static const char *const fields[] = {
        "order", "past", "step", "step_by", "step_since"};

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        plan_write_set(write, fields[i], SPAN(""));
}

void
plan_write_state(
    struct plan_write *write, const struct plan_record *plan, enum plan_state state)
{
    plan_write_set(write, "state", span_of(plan_state_name(state)));
    plan_write_set(write, "why", span_of(write->why));
    plan_write_drop_step(write);
    (void)snprintf(write->from, sizeof(write->from), "%s", plan_state_name(plan->state));
    (void)snprintf(write->to, sizeof(write->to), "%s", plan_state_name(state));
}

/* --- the domain's hash --- */

static void
set_domain(struct plan_write *write, const char *field, struct span value)
{
    set(write->domain, &write->domain_count, field, value);
}

static void
count_domain(struct plan_write *write, const struct domain_state *state, int64_t now)
{
    write->rev = next_rev(state->rev, now);
    set_domain(write, "rev", number_text(write, write->rev));
}

static void
add_list(struct plan_write *write, const char *name)
{
    size_t used = strlen(write->lists);

    (void)snprintf(write->lists + used, sizeof(write->lists) - used, "%s%s",
        used > 0 ? " " : "", name);
}

static bool
is_of_plan(const struct plan_record *plan, const char *list)
{
    for (size_t i = 0; i < plan->stage_count; i++) {
        if (strcmp(plan->stages[i].list, list) == 0)
            return true;
    }
    return false;
}

bool
plan_write_rollback(struct plan_write *write, const struct plan_record *plan,
    const struct domain_state *state, int64_t now)
{
    size_t kept = 0;

    write->lists[0] = '\0';
    for (size_t i = 0; i < state->list_count; i++) {
        if (is_of_plan(plan, state->lists[i]))
            continue;
        add_list(write, state->lists[i]);
        kept++;
    }
    domain_weight_write(state->weight, write->from);
    (void)snprintf(write->to, sizeof(write->to), "0");
    if (state->weight == 0 && state->mode != DOMAIN_MODE_NEW && kept == state->list_count)
        return false;
    set_domain(write, "weight", SPAN("0"));
    if (state->mode == DOMAIN_MODE_NEW)
        set_domain(write, "mode", SPAN("split"));
    if (kept < state->list_count)
        set_domain(write, "lists", span_of(write->lists));
    count_domain(write, state, now);
    return true;
}

/* --- moves --- */

static void
prepare(const struct plan_view *view, const struct plan_decision *decision,
    struct plan_write *write)
{
    (void)snprintf(write->gateway, sizeof(write->gateway), "%s", view->gateway);
    plan_write_number(write, "step", decision->stage);
    plan_write_set(write, "step_by", span_of(write->gateway));
    plan_write_number(write, "step_since", (uint64_t)view->now);
    (void)snprintf(write->to, sizeof(write->to), "before_advance");
}

static void
set_weight(const struct plan_view *view, const struct plan_stage *stage, unsigned weight,
    struct plan_write *write)
{
    const struct domain_state *state = view->domain->state;

    domain_weight_write(state->weight, write->from);
    domain_weight_write(weight, write->to);
    if (stage->list[0] != '\0') {
        for (size_t i = 0; i < state->list_count; i++) {
            if (strcmp(state->lists[i], stage->list) != 0)
                add_list(write, state->lists[i]);
        }
        add_list(write, stage->list);
        plan_stage_name(stage, write->to);
        set_domain(write, "lists", span_of(write->lists));
    } else if (weight == state->weight) {
        return; /* it is there already */
    } else {
        set_domain(write, "weight", weight_text(write, weight));
    }
    count_domain(write, state, view->now);
}

static void
advance(const struct plan_view *view, const struct plan_decision *decision,
    struct plan_write *write)
{
    const struct plan_stage *stage = &view->plan->stages[decision->stage - 1];
    unsigned weight = view->domain->state->weight;

    if (stage->list[0] == '\0' && stage->weight > weight)
        weight = stage->weight;
    set_weight(view, stage, weight, write);
    plan_write_set(write, "state", span_of(plan_state_name(PLAN_RUNNING)));
    plan_write_number(write, "stage", decision->stage);
    plan_write_number(write, "since", (uint64_t)view->now);
    plan_write_set(write, "weight", weight_text(write, weight));
    plan_write_set(write, "edited",
        stage->list[0] == '\0' && weight > stage->weight ? SPAN("yes") : SPAN(""));
    plan_write_set(write, "why", SPAN(""));
    plan_write_drop_step(write);
}

/* The weight that is there is the plan's from now on. */
static void
note(const struct plan_view *view, struct plan_write *write)
{
    const struct plan_record *plan = view->plan;
    unsigned weight = view->domain->state->weight;
    bool as_staged = plan->stage > 0 && plan->stages[plan->stage - 1].weight == weight;

    plan_write_set(write, "weight", weight_text(write, weight));
    plan_write_set(write, "edited", as_staged ? SPAN("") : SPAN("yes"));
    if (plan->has_weight)
        domain_weight_write(plan->weight, write->from);
    domain_weight_write(weight, write->to);
}

static const char *
event_of(enum plan_move move)
{
    switch (move) {
    case PLAN_PREPARE:
        return "hook-start";
    case PLAN_LET_GO:
        return "plan-wait";
    case PLAN_ADVANCE:
        return "plan-advance";
    case PLAN_FINISH:
        return "plan-done";
    case PLAN_NOTE:
        return "plan-edited";
    case PLAN_PAUSE:
        return "plan-pause";
    case PLAN_FREEZE:
        return "freeze";
    case PLAN_ROLL_BACK:
        return "rollback";
    case PLAN_STAND:
    case PLAN_CALL_OFF:
        break;
    }
    assert(!"nothing is written for it");
    return "";
}

void
plan_write_step(const struct plan_view *view, const struct plan_decision *decision,
    struct plan_write *write)
{
    plan_write_begin(write, view->plan, view->now, event_of(decision->move), decision->by,
        decision->why);
    switch (decision->move) {
    case PLAN_PREPARE:
        prepare(view, decision, write);
        break;
    case PLAN_LET_GO:
        plan_write_drop_step(write);
        break;
    case PLAN_ADVANCE:
        advance(view, decision, write);
        break;
    case PLAN_FINISH:
        plan_write_state(write, view->plan, PLAN_DONE);
        break;
    case PLAN_NOTE:
        note(view, write);
        break;
    case PLAN_PAUSE:
    case PLAN_FREEZE:
        plan_write_state(write, view->plan, PLAN_PAUSED);
        break;
    case PLAN_ROLL_BACK:
        plan_write_state(write, view->plan, PLAN_ROLLED_BACK);
        (void)plan_write_rollback(write, view->plan, view->domain->state, view->now);
        break;
    case PLAN_STAND:
    case PLAN_CALL_OFF:
        break;
    }
}
