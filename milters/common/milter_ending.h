/*
 * milter_ending - when a serving process may end: told to drain, once it has no session
 * left; told to stop (by TERM, by the supervisor, or because that is gone), once no
 * message is in hand, 7 s after at the latest.
 */
#ifndef MILTERS_COMMON_MILTER_ENDING_H
#define MILTERS_COMMON_MILTER_ENDING_H

#include "milters/common/milter_counts.h"

#include <stdbool.h>
#include <stdint.h>

enum { MILTER_ENDING_LOOK_MS = 20 }; /* while it drains or stops: look so often */

struct milter_ending {
    int control; /* the supervisor's */
    const struct milter_counts *counts;
    bool draining;
    uint64_t stopping_ms; /* since when, 0: not */
};

/* The supervisor has said something. */
void milter_ending_hear(struct milter_ending *ending);

/* To be stopped, however often it is said. */
void milter_ending_stop(struct milter_ending *ending);

bool milter_ending_has_begun(const struct milter_ending *ending);
bool milter_ending_is_over(const struct milter_ending *ending);

#endif
