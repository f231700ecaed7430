/*
 * milter_ending - when a serving process may end: told to drain, once it has no session
 * left; told to stop (by TERM, by the supervisor, or because that is gone), once no
 * message is in hand, 7 s after at the latest.  Its first thread waits for that here; all
 * others are deaf to signals.
 */
#ifndef MILTERS_COMMON_MILTER_ENDING_H
#define MILTERS_COMMON_MILTER_ENDING_H

#include "milters/common/milter_counts.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct milter_ending {
    int control; /* the supervisor's */
    const struct milter_counts *counts;
    sigset_t heard; /* while it waits */
    bool draining;
    uint64_t stopping_ms; /* since when, 0: not */
};

/* Before any other thread is there.  HUP is the supervisor's business. */
void milter_ending_init(
    struct milter_ending *ending, int control, const struct milter_counts *counts);

/* Until something has been said or the time has come to look again; true: `fd`, which may
 * be -1, has something to read.  It is not asked once the end has begun. */
bool milter_ending_wait(struct milter_ending *ending, int fd);

bool milter_ending_is_over(const struct milter_ending *ending);

#endif
