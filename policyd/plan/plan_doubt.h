/*
 * plan_doubt - whether the figures of a plan can be believed.  Pure.
 *
 * They can't where no line of Postfix was read for ten minutes though the probe of new
 * succeeds, the clock was set, the books are more than two slots behind, a gateway's
 * controller is silent (its counts are missing from the sum), Redis is not there, or its
 * clock and ours are more than PLAN_APART_S apart, by which no stay can be told.
 * Then all traffic gates are not known.
 */
#ifndef POLICYD_PLAN_PLAN_DOUBT_H
#define POLICYD_PLAN_PLAN_DOUBT_H

#include "policyd/plan/plan_record.h"

/* Why figures can't be believed; `since` 0 where that is unknown. */
struct plan_doubt {
    char text[PLAN_TEXT_MAX]; /* "": they can be believed */
    int64_t since;            /* unix time */
};

/* What the doubt is made from. */
enum { PLAN_APART_S = 10 };

struct plan_sources {
    bool redis_up;
    int64_t redis_down_since; /* unix time */
    int64_t clock_ahead_s;    /* of Redis' clock */
    bool log_silent;          /* no line of Postfix for ten minutes */
    int64_t log_silent_since;
    bool probe_good;            /* of new */
    int64_t books_behind_ms;    /* how old what is entered is, while there is more */
    int64_t clock_step;         /* unix time of a step seen in the last hour; 0: none */
    const char *silent_gateway; /* NULL: none */
    int64_t silent_since;
    uint64_t silent_waiting; /* messages that waited there at its last word */
};

/* The gravest one, where there are several. */
void plan_doubt_find(
    const struct plan_sources *sources, int64_t slot_ms, struct plan_doubt *doubt);

#endif
