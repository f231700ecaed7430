/*
 * plan_judges - what this gateway's own log says to the judge: attempts of domains with a
 * plan, gathered between two commits of the books, heard once they are committed.
 */
#ifndef POLICYD_CUTOVER_PLAN_JUDGES_H
#define POLICYD_CUTOVER_PLAN_JUDGES_H

#include "policyd/books/books_enter.h"
#include "policyd/plan/plan_judge.h"

enum { PLAN_CAUSE_MAX = 200, PLAN_HEARD_MAX = 200000 };

/* A first attempt at old or new that was accepted, or failed. */
struct plan_heard {
    char domain[256];
    int64_t time_ms;
    bool on_new;
    bool has_failed;
    uint64_t delay_ms;
    char cause[PLAN_CAUSE_MAX];
};

/* Zeroed: none.  More than PLAN_HEARD_MAX of one second are not heard. */
struct plan_hearing {
    struct plan_heard *rows;
    size_t count;
    size_t room;
};

void plan_hearing_note(struct plan_hearing *hearing, const struct books_attempt *attempt);
void plan_hearing_clear(struct plan_hearing *hearing);

/* Both tests of one domain. */
struct plan_judges {
    int64_t since; /* of the stage that is judged; 0: none yet */
    struct judge_watch failures;
    struct judge_watch slow;
    bool is_changed; /* since it was written last */
};

/* Another stage: what was learnt is forgotten, or is what was kept of it. */
void plan_judges_begin(struct plan_judges *judges, int64_t since,
    const struct judge *failures, const struct judge *slow);

void plan_judges_hear(
    struct plan_judges *judges, const struct plan_heard *heard, uint64_t max_delay_ms);

#endif
