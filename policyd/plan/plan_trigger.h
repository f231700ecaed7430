/*
 * plan_trigger - is new so bad that a person need not be asked?  Pure.
 *
 * Availability of new is ok/(ok+fail) of first attempts over the trigger's window of
 * whole slots that have ended, and only where that window is full since the last
 * transition.  Missing data is not known, and never pulls anything.
 */
#ifndef POLICYD_PLAN_PLAN_TRIGGER_H
#define POLICYD_PLAN_PLAN_TRIGGER_H

#include "policyd/plan/plan_record.h"
#include "policyd/plan/plan_series.h"

struct plan_alarm {
    bool is_pulled;      /* whatever the action, which may be none */
    double availability; /* 0..1; -1: not known */
    uint64_t samples;
    int64_t bad_since_ms;     /* end of the first bad slot, for rto_s; 0: not pulled */
    char text[PLAN_TEXT_MAX]; /* "availability of new 43.10 % for 5 min (below 50 %)" */
};

/* `since_ms`: the last transition. */
void plan_trigger_look(const struct plan_trigger *trigger,
    const struct plan_series *series, int64_t since_ms, int64_t now_ms,
    struct plan_alarm *alarm);

#endif
