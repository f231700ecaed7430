/*
 * plan_page - a plan as one JSON object: an entry of `plans` in the controller's
 * /status.json, and what postshiftctl makes by itself from Redis when the controller is
 * silent.  One writer, so that the keys are the same whoever was asked.
 *
 *     {"domain": "example.com", "state": "running" | "bad", "stage": 2, "weight": 70 |
 *      null, "problem": null | "text", "sentence": "70 % of its people are on new: stage
 *      2 of 3, for 5 h", "waits_for": "stay (19 h left); 100 % is next" | null, "why":
 * null | "text", "edited": false, "since": 1764000000 | null, "command": null |
 * "postshiftctl ...", "stages": [{"name": "30 %", "stay_s": 259200, "is_over": true,
 *                  "left_s": 0 | null}],
 *      "gates": [{"name": "stay", "answer": "yes" | "no" | "not-known", "text": "..."}],
 *      "step": null | {"stage": 3, "by": "gw1", "since": 1764000000},
 *      "hook": null | {"name": "before_advance", "since": 1764000000},
 *      "sides": null | {"old": {"delivered": 812, "success": 99.87 | null, "delay_ms":
 * 340 | null, "fail", "neutral", "rejected", "unknown", "toobig": 0, "waiting": 3 | null,
 * "oldest_s": 40 | null}, "new": {...}}, "sides_since": 1764000000 | null, "share":
 * {"mail": 69.5 | null, "units": 70.1 | null, "apart": false}, "guard": null |
 * {"pinned": 5, "unknown": 3, "stopped": null | "text"}, "rehearsal": null | {"stage":
 * "70", "movers": 120, "asked": 118, "clean": 112, "refused": 4, "defers": 2,
 * "cant_tell": 0, "time": 1764000000, "why": null | "text"}, "chart": null | {"start":
 * 1764000000, "step_s": 1500, "old": {"delivered": [...], "fail": [...], "delay_ms": [12,
 * null, ...]}, "new": {...}}, "events": [{"id": "1764-0", "time": 1764000000, "who":
 * "anna", "what": "plan-advance", "from": "30", "to": "70", "why": ""}, ...]}
 *
 * Counts of `sides` begin with the stage, at most 24 hours ago.  `gates` is empty where
 * nobody asked them.  `step` is an advance in preparation.  The chart ends with the last
 * slot that has ended.  Pure.
 */
#ifndef POLICYD_PLAN_PLAN_PAGE_H
#define POLICYD_PLAN_PLAN_PAGE_H

#include "policyd/plan/plan_gates.h"
#include "shared/base/json.h"

enum {
    PLAN_PAGE_POINTS = 60,   /* of a line of the chart */
    PLAN_SENTENCE_MAX = 600, /* octets, with the 0 */
};

/* Borrowed texts; "" where there is none. */
struct plan_page_event {
    struct span id;
    int64_t time; /* unix time */
    struct span who;
    struct span what;
    struct span from;
    struct span to;
    struct span why;
};

/* What the gateways say of those who move next. */
struct plan_page_rehearsal {
    const char *stage;
    uint64_t movers;
    uint64_t asked;
    uint64_t clean;
    uint64_t refused;
    uint64_t defers;
    uint64_t cant_tell;
    int64_t time;    /* unix time of the oldest word */
    const char *why; /* of what it waits for; "": nothing */
};

struct plan_page {
    struct span domain;
    const struct plan_record *plan;   /* NULL: the hash is bad */
    const char *problem;              /* what is wrong with it */
    const struct domain_state *state; /* as in force; NULL: none that is good */
    const struct plan_gate *gates;
    size_t gate_count;
    size_t next; /* where an advance leads (plan_step_next); 0: nowhere */
    const struct plan_series *series; /* NULL: not asked */
    int64_t now;                      /* unix time */
    bool knows_waiting;
    uint64_t waiting[DOMAIN_SIDES];
    int64_t oldest[DOMAIN_SIDES]; /* unix time of the oldest that waits; 0: none */
    double units_on_new;          /* share of units, 0..1; -1: not known */
    bool knows_pinned;
    uint64_t pinned;           /* by the misprovision guard: old knows them */
    uint64_t unknown;          /* neither side does */
    const char *guard_stopped; /* why it asks no more; NULL or "": it does */
    const struct plan_page_rehearsal *rehearsal; /* NULL: none that is known */
    const char *hook;                            /* the one that runs; NULL: none */
    int64_t hook_since;
    const struct plan_page_event *events; /* the last ones, newest first */
    size_t event_count;
};

void plan_page_write(struct json *json, const struct plan_page *page);

/* How it is, and what it waits for, in a sentence each; the second "" where it waits for
 * nothing. */
void plan_page_sentence(const struct plan_page *page, char out[PLAN_SENTENCE_MAX]);
void plan_page_waits_for(const struct plan_page *page, char out[PLAN_SENTENCE_MAX]);

/* What a person would type now; "" for nothing. */
void plan_page_command(const struct plan_page *page, char out[PLAN_SENTENCE_MAX]);

#endif
