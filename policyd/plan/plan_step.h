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
 * plan's taken away pauses the plan.  After `resume` what is there is taken as it is.  A
 * plan never lowers a weight but by a rollback: one that starts on a domain that is
 * beyond its first number takes the highest stage that is not above.
 *
 * A hook that fails pauses the plan.  While the override file decides, or without a good
 * state, nothing is done; while Redis says something else than what is in force, nothing
 * but pauses and freezes.
 */
#ifndef POLICYD_PLAN_PLAN_STEP_H
#define POLICYD_PLAN_PLAN_STEP_H

#include "policyd/plan/plan_gates.h"

enum plan_move {
    PLAN_STAND,    /* nothing to do */
    PLAN_PREPARE,  /* take the step, then run before_advance, its movers on stdin */
    PLAN_CALL_OFF, /* end the hook that we run: a stop came, or the step is another's;
                      nothing is written */
    PLAN_LET_GO,   /* a gate closed meanwhile: the step or the order is dropped */
    PLAN_ADVANCE,  /* set the next stage */
    PLAN_FINISH,   /* the last stay is over: done */
    PLAN_NOTE,     /* the weight was changed by hand: taken as it is, told */
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
    PLAN_HOOK_IDLE, /* not for the step that is prepared */
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

/* How long a prepared step may take before others take it over: a hook's ten minutes,
 * and more. */
enum { PLAN_STEP_SECONDS = 900 };

#endif
