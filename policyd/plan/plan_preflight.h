/*
 * plan_preflight - what the preflight that was kept last says to a plan, and when it is
 * to be looked at again.
 *
 * Kept in `preflight:<domain>` by postshiftctl: each check's result by its name;
 * `blocking_time` and `all_time`, when all blocking ones and when all were looked at
 * last.  Missing, old or nonsense is not known, never good.  Pure.
 */
#ifndef POLICYD_PLAN_PLAN_PREFLIGHT_H
#define POLICYD_PLAN_PLAN_PREFLIGHT_H

#include "policyd/plan/plan_gates.h"

enum plan_preflight_mode {
    PREFLIGHT_NEVER,
    PREFLIGHT_KEPT, /* of domains whose preflight was kept once */
    PREFLIGHT_ALWAYS,
};

enum {
    PREFLIGHT_FRESH_S = 3600, /* a result that lets a plan advance is no older */
    PREFLIGHT_AGAIN_S = 300,  /* between two looks while it isn't good */
    PREFLIGHT_AHEAD_S = 600,  /* so long before a stay is over it begins */
    PREFLIGHT_DAY_S = 86400,
};

/* As it was read; zeroed: nothing is kept. */
struct plan_preflight {
    bool is_there;
    int64_t blocking_time; /* unix time; 0: never, or nonsense */
    int64_t all_time;
    char failed[PLAN_TEXT_MAX / 2]; /* blocking checks by name, parted by ", " */
    char unknown[PLAN_TEXT_MAX / 2];
};

/* The next field of the hash. */
void plan_preflight_take(
    struct plan_preflight *kept, struct span name, struct span value);

/* An empty text: the gate is not there. */
void plan_preflight_ask(const struct plan_preflight *kept, enum plan_preflight_mode mode,
    struct plan_local local, int64_t now_ms, struct plan_opinion *opinion);

enum plan_preflight_due { PREFLIGHT_NOTHING, PREFLIGHT_BLOCKING, PREFLIGHT_ALL };

/* What is to be looked at now.  `left_ms`: of the stay; INT64_MAX: none is running. */
enum plan_preflight_due plan_preflight_due(const struct plan_preflight *kept,
    enum plan_preflight_mode mode, int64_t left_ms, int64_t now);

#endif
