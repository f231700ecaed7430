/*
 * plan_run - one plan as this controller has it in hand: what was asked, decided and is
 * under way.
 */
#ifndef POLICYD_CUTOVER_PLAN_RUN_H
#define POLICYD_CUTOVER_PLAN_RUN_H

#include "policyd/books/books_domain.h"
#include "policyd/cutover/movers.h"
#include "policyd/cutover/plan_asks.h"
#include "policyd/cutover/plan_context.h"
#include "policyd/cutover/plan_judges.h"
#include "policyd/plan/plan_step.h"
#include "policyd/plan/plan_write.h"

struct plan_runner;

struct plan_run {
    struct plan_runner *runner;
    struct plan_entry *entry; /* NULL: it went while something was under way */
    struct plan_asks *asks;
    struct plan_judges judges;
    int64_t judged_ms; /* when that was written last, by the steady clock */

    /* before_advance, where it is ours. */
    enum plan_hook hook;
    size_t hook_stage; /* for the step to it */
    int64_t hook_since;
    struct movers *movers; /* are being found */
    char hook_from[80];
    char hook_to[80];

    /* Of the last look. */
    struct plan_gate gates[PLAN_GATES];
    size_t gate_count;
    struct plan_alarm slow;
    struct plan_alarm fast;
    struct plan_decision decision;
    int64_t bad_since_ms; /* of the last alarm; 0: none since the stage began */

    /* What is being written. */
    struct plan_decision writing;
    struct plan_write *write;

    /* What waits here, as it was last counted. */
    bool knows_waiting;
    struct books_domain_sides waiting;
    uint64_t count_ms; /* when it is counted again, by the steady clock */

    char told[400];                     /* what was wrong with it, as it was told */
    char told_zone[PLAN_NAME_MAX];      /* that is not known here */
    char told_preflight[PLAN_TEXT_MAX]; /* what it said against it */
};

/* The entry's, made where there is none. */
struct plan_run *plan_run_of(struct plan_runner *runner, struct plan_entry *entry);

/* The domain as it is in force; the span is the entry's. */
void plan_run_domain(const struct plan_run *run, struct plan_domain *domain);

#endif
