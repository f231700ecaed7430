/*
 * scan_keeper - a process without threads: owns the engine, forks and replaces workers.
 *
 * One generation of signatures is one keeper.  It loads, becomes its user, forks workers
 * and spares, tells the supervisor when one has passed its test, and from then on
 * replaces whoever dies, is stuck or worn out: a spare takes over at once, a new spare is
 * forked behind it.  What takes long gives way to what waits (scan_lane.h).  Told to
 * drain it retires its workers and ends.
 */
#ifndef MILTERS_SCAN_SCAN_KEEPER_H
#define MILTERS_SCAN_SCAN_KEEPER_H

#include "milters/scan/clam_engine.h"
#include "milters/scan/scan_board.h"

struct scan_keeper {
    struct scan_board *board;
    int jobs;      /* the workers' end of the jobs socket */
    int long_jobs; /* the same of the long lane's */
    const char *databases;
    const char *temp; /* folder for temporary files; "" is TMPDIR, else /tmp */
    uint64_t memory;  /* octets a worker's may have in memory; 0: they go to disk */
    struct clam_limits limits;
    struct config_list allowed;
    unsigned workers;
    unsigned spares;
    unsigned most_scans; /* a worker is worn out after so many */
    bool require_sandbox;
    uid_t user; /* 0: stay as started */
    gid_t group;
};

/* Exit status 75: the signatures could not be loaded, or do not find the test mail. */
enum { KEEPER_EXIT_NO_SIGNATURES = 75 };

/* For supervise_role: `argument` is a struct scan_keeper. */
int scan_keeper_run(void *argument, int control);

#endif
