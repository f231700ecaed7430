/*
 * plan_write - what a decision of plan_step writes: on the plan's hash, on the domain's,
 * and the event.  Pure; whoever carries it out compares both hashes with what was read,
 * field by field, and sets all of it in one step or nothing.
 */
#ifndef POLICYD_PLAN_PLAN_WRITE_H
#define POLICYD_PLAN_PLAN_WRITE_H

#include "policyd/plan/plan_step.h"

enum { PLAN_WRITE_FIELDS_MAX = 20 };

struct plan_write {
    /* An empty value takes the field out.  Values lie in here, or in what was given. */
    struct domain_field plan[PLAN_WRITE_FIELDS_MAX];
    size_t plan_count;
    struct domain_field domain[PLAN_WRITE_FIELDS_MAX];
    size_t domain_count;

    const char *what; /* of the event: "plan-advance", "freeze", "rollback" ... */
    const char *by;   /* "plan", "operator", "slow-trigger" ... */
    char from[80];    /* weights, or states */
    char to[80];
    char why[PLAN_TEXT_MAX];
    uint64_t rev; /* of the domain where it changes, else of the plan */

    char numbers[8][24];
    size_t number_count;
    char lists[DOMAIN_STATE_VALUE_MAX + 1];
    char gateway[PLAN_NAME_MAX];
};

/* For all moves but STAND and CALL_OFF.  A `rev` is the larger of what it was + 1 and
 * `now`. */
void plan_write_step(const struct plan_view *view, const struct plan_decision *decision,
    struct plan_write *write);

/* What is shared with plan_order. */
void plan_write_begin(struct plan_write *write, const struct plan_record *plan,
    int64_t now, const char *what, const char *by, const char *why);
void plan_write_set(struct plan_write *write, const char *field, struct span value);
void plan_write_number(struct plan_write *write, const char *field, uint64_t number);
void plan_write_drop_step(struct plan_write *write); /* what is prepared or ordered */
/* From the plan's state to another, with the reason of the write; the step is dropped. */
void plan_write_state(
    struct plan_write *write, const struct plan_record *plan, enum plan_state state);

/* Weight 0, a mode that is split where it was new, and without the lists of the plan:
 * what a rollback does to the domain.  False: nothing of it was on new. */
bool plan_write_rollback(struct plan_write *write, const struct plan_record *plan,
    const struct domain_state *state, int64_t now);

#endif
