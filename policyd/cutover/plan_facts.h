/*
 * plan_facts - gathers what the gates are asked with: time, figures, and why they can't
 * be believed.
 */
#ifndef POLICYD_CUTOVER_PLAN_FACTS_H
#define POLICYD_CUTOVER_PLAN_FACTS_H

#include "policyd/cutover/plan_run.h"
#include "policyd/follow/follow.h"

/* What this controller knows of itself, beside Redis. */
struct plan_self {
    struct follow_status log;
    const char *alarm;  /* of the replica; NULL or "": none */
    int64_t now_ms;     /* unix time */
    int64_t clock_step; /* unix time of a step seen; 0: none in the last hour */
    int64_t woken;      /* unix time until which it catches up after a pause; 0 */
    int64_t paused_s;   /* how long that was */
};

/* A time zone that this machine does not know: local time is UTC, `no_zone` says so. */
void plan_facts_gather(const struct plan_context *context, const struct plan_run *run,
    const struct plan_self *self, struct plan_facts *facts);

/* Steps of the clock, and pauses of this process, from one look to the next. */
struct plan_clock {
    int64_t real_ms;
    int64_t steady_ms; /* 0: never looked */
    int64_t step;
    int64_t woken;
    int64_t paused_s;
};

void plan_clock_look(struct plan_clock *clock, struct plan_self *self);

#endif
