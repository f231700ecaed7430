/*
 * plan_probe - what probes of both backends say to the gate `probe`.  Pure.
 */
#ifndef POLICYD_PLAN_PLAN_PROBE_H
#define POLICYD_PLAN_PLAN_PROBE_H

#include "policyd/plan/plan_gates.h"

/* One side's. */
struct plan_probe_view {
    bool is_asked;          /* there is a route to probe */
    enum plan_probe result; /* for series, too */
    int64_t at_ms;          /* unix time of the last one; 0: none yet */
    int64_t since_ms;       /* since when the result is this one */
    int64_t interval_ms;
    bool is_changed;          /* another certificate than expected, or STARTTLS is gone */
    char text[PLAN_TEXT_MAX]; /* what was wrong; "" for good */
};

/* New must be good, and old where it is asked; without that there is no way back.  A
 * changed certificate, no result yet or an old one: not known. */
void plan_probe_ask(const char *domain, const struct plan_probe_view *new_side,
    const struct plan_probe_view *old_side, int64_t now_ms, struct plan_opinion *opinion);

#endif
