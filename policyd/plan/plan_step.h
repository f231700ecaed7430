/*
 * plan_step - what is to be done about a plan now, and what is then written.  Pure: every
 * controller that sees the same decides the same, and the write is a compare-and-set, so
 * that one of them does it.
 *
 * Stop wins: pause, abort, rollback and both triggers count in every state, also while a
 * hook runs; what is prepared then is called off.  Nothing restarts itself: after a
 * pause, a freeze or a rollback a person says `resume` or `start`.
 *
 * An edit by hand: a weight above the stage's is told as edited, the next advance goes to
 * the next stage above it; a weight below, a mode other than split or a list of the
 * stage's taken away pauses the plan.
 */
#ifndef POLICYD_PLAN_PLAN_STEP_H
#define POLICYD_PLAN_PLAN_STEP_H

#include "policyd/plan/plan_gates.h"

enum plan_move {
    PLAN_STAND,    /* nothing to do */
    PLAN_PREPARE,  /* take the step and run before_advance, its movers on stdin */
    PLAN_CALL_OFF, /* end the hook that we run: a stop came, or the step is another's */
    PLAN_ADVANCE,  /* set the next stage */
    PLAN_FINISH,   /* the last stay is over: done */
    PLAN_NOTE,     /* an edit by hand upwards: told */
    PLAN_PAUSE,
    PLAN_FREEZE,
    PLAN_ROLL_BACK,
};

/* Of the domain's hash, as it is in force here. */
struct plan_domain {
    struct span name;
    const struct domain_state *state; /* NULL: none that is good; then nothing is done */
    bool is_overridden;               /* the override file decides: nothing is done */
    bool is_suspect; /* Redis says something else than what is in force */
};

/* The hook before_advance, where it is ours. */
enum plan_hook {
    PLAN_HOOK_NONE, /* there is none in the configuration */
    PLAN_HOOK_IDLE,
    PLAN_HOOK_RUNNING,
    PLAN_HOOK_GOOD, /* ended with 0 for the step that is prepared */
    PLAN_HOOK_BAD,
};

struct plan_view {
    const struct plan_record *plan;
    const struct plan_domain *domain;
    const struct plan_gate *gates; /* plan_gates_ask */
    size_t gate_count;
    const struct plan_alarm *slow;
    const struct plan_alarm *fast;
    const char *freeze; /* the misprovision guard: why everything should stop; "" */
    enum plan_hook hook;
    const char *gateway;
    int64_t now; /* unix time */
};

struct plan_decision {
    enum plan_move move;
    size_t stage; /* from 1: where PREPARE and ADVANCE lead */
    const char
        *by; /* "plan", "operator", "slow-trigger", "fast-trigger", "guard", "edit" */
    char why[PLAN_TEXT_MAX];
};

void plan_step_decide(const struct plan_view *view, struct plan_decision *decision);

/* The stage that an advance leads to: the next one, or after an edit by hand the first
 * whose number is above the weight; 0: there is none. */
size_t plan_step_next(const struct plan_record *plan, const struct domain_state *state);

/* How long a prepared step may take before others take it over, seconds: a hook's 10
 * minutes and more. */
enum { PLAN_STEP_SECONDS = 900, PLAN_WRITE_FIELDS_MAX = 16 };

/* What is set, on the plan's hash and on the domain's, if both are still as they were
 * read; and the event. */
struct plan_write {
    struct domain_field plan[PLAN_WRITE_FIELDS_MAX]; /* an empty value takes it out */
    size_t plan_count;
    struct domain_field domain[PLAN_WRITE_FIELDS_MAX];
    size_t domain_count;
    const char *what; /* of the event: "plan-advance", "freeze", ... */
    char from[64];
    char to[64];
    char texts[PLAN_WRITE_FIELDS_MAX][PLAN_NAME_MAX]; /* what the values point to */
    char lists[DOMAIN_STATE_VALUE_MAX + 1];
    size_t text_count;
};

/* For all moves but STAND and CALL_OFF.  `rev` of the domain and of the plan are the
 * larger of theirs + 1 and `now`. */
void plan_step_write(const struct plan_view *view, const struct plan_decision *decision,
    struct plan_write *write);

/* What an operator says, as writes too: false: it makes no sense in this state, *error
 * says why. */
enum plan_order {
    PLAN_ORDER_START,
    PLAN_ORDER_ADVANCE,
    PLAN_ORDER_PAUSE,
    PLAN_ORDER_RESUME,
    PLAN_ORDER_ABORT,
    PLAN_ORDER_ROLLBACK, /* the plan's part of `rollback`: rolled-back */
};

bool plan_order_write(enum plan_order order, const struct plan_record *plan,
    const char *past, const char *why, int64_t now, struct plan_write *write,
    struct error *error);

#endif
