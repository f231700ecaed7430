/*
 * scan_run - one message to a worker and to spamd at the same time.
 *
 * Blocks until both have answered or their time is over, `deadline_ms` after the call at
 * the latest.
 */
#ifndef MILTERS_SCAN_SCAN_RUN_H
#define MILTERS_SCAN_SCAN_RUN_H

#include "milters/scan/scan_board.h"
#include "milters/scan/scan_decide.h"
#include "milters/scan/scan_message.h"
#include "milters/scan/spamd_client.h"

struct scan_pool {
    struct scan_board *board;
    int jobs;             /* the serving processes' end */
    int long_jobs;        /* the same, for what takes long (scan_lane.h) */
    uint64_t deadline_ms; /* waiting and scanning, in milliseconds */
    struct spamd_server spamd;
    uint64_t spamd_max; /* octets; larger messages are not shown to spamd */
};

struct scan_timing {
    int worker; /* number, -1: none had it */
    int64_t clamav_ms;
    int64_t spamd_ms; /* -1: not asked */
};

/* `preamble` goes to spamd before the message.  Texts of `findings` live in `arena`. */
void scan_run(const struct scan_pool *pool, const struct scan_message *message,
    struct span preamble, struct arena *arena, struct scan_findings *findings,
    struct scan_timing *timing);

#endif
