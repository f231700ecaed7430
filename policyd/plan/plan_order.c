#include "policyd/plan/plan_order.h"

#include <stdio.h>

static const char *const names[PLAN_ORDERS] = {
    "start", "advance", "pause", "resume", "abort", "rollback"};

const char *
plan_order_name(enum plan_order order)
{
    return names[order];
}

/* What may be said in a state, a letter an order; the rest makes no sense there. */
static bool
makes_sense(enum plan_order order, enum plan_state state)
{
    static const bool rows[PLAN_STATES][PLAN_ORDERS] = {
  /*                     start  advance pause  resume abort rollback */
        [PLAN_NONE] = {true,  false, false, false, false, false},
        [PLAN_WAITING] = {false, false, true,  false, true,  true },
        [PLAN_RUNNING] = {false, true,  true,  false, true,  true },
        [PLAN_PAUSED] = {false, false, false, true,  true,  true },
        [PLAN_ROLLED_BACK] = {true,  false, false, false, true,  false},
        [PLAN_DONE] = {true,  false, true,  false, true,  true },
        [PLAN_ABORTED] = {true,  false, false, false, false, false},
    };

    return rows[state][order];
}

static bool
refuse(enum plan_order order, const struct plan_record *plan, struct error *error)
{
    if (plan->state == PLAN_NONE)
        return error_permanent(error, "there is no plan (plan start)");
    return error_permanent(error, "the plan is %s%s%s: %s says nothing there",
        plan_state_name(plan->state), plan->why[0] != '\0' ? ", " : "", plan->why,
        names[order]);
}

static bool
check_past(const char *past, struct error *error)
{
    struct span rest = span_of(past);
    struct span word;
    enum plan_gate_kind kind;

    while (span_word(&rest, &word)) {
        if (!plan_gate_find(word, &kind))
            return error_permanent(
                error, "there is no gate %.*s", (int)word.length, word.data);
    }
    return true;
}

/* The stay begins anew, from what is there. */
static void
begin_anew(const struct plan_record *plan, enum plan_state state, int64_t now,
    struct plan_write *write)
{
    plan_write_state(write, plan, state);
    plan_write_number(write, "since", (uint64_t)now);
    plan_write_set(write, "weight", SPAN(""));
}

static void
start(const struct plan_record *plan, int64_t now, struct plan_write *write)
{
    begin_anew(plan, PLAN_WAITING, now, write);
    plan_write_number(write, "stage", 0);
    plan_write_set(write, "edited", SPAN(""));
}

static void
advance(const char *past, struct plan_write *write)
{
    plan_write_set(write, "order", SPAN("advance"));
    plan_write_set(write, "past", span_of(past));
    (void)snprintf(write->to, sizeof(write->to), "advance");
}

bool
plan_order_write(enum plan_order order, const struct plan_record *plan, const char *past,
    const char *why, int64_t now, struct plan_write *write, struct error *error)
{
    static const char *const events[PLAN_ORDERS] = {"plan-start", "plan-order",
        "plan-pause", "plan-resume", "plan-abort", "rollback"};

    if (!makes_sense(order, plan->state))
        return refuse(order, plan, error);
    if (!check_past(past, error))
        return false;
    plan_write_begin(write, plan, now, events[order], "operator", why);
    switch (order) {
    case PLAN_ORDER_START:
        start(plan, now, write);
        break;
    case PLAN_ORDER_ADVANCE:
        advance(past, write);
        break;
    case PLAN_ORDER_PAUSE:
        plan_write_state(write, plan, PLAN_PAUSED);
        break;
    case PLAN_ORDER_RESUME:
        begin_anew(plan, plan->stage > 0 ? PLAN_RUNNING : PLAN_WAITING, now, write);
        break;
    case PLAN_ORDER_ABORT:
        plan_write_state(write, plan, PLAN_ABORTED);
        break;
    case PLAN_ORDER_ROLLBACK:
        plan_write_state(write, plan, PLAN_ROLLED_BACK);
        break;
    case PLAN_ORDERS:
        break;
    }
    return true;
}
