/*
 * scan_worker - a child of the keeper: locks itself in, then scans one descriptor after
 * another.
 *
 * It has the jobs socket, a command pipe, its slot of the board and its own temporary
 * folder, and can reach nothing else: own user (where the keeper is root), Landlock or
 * chroot, no new privileges, limits, seccomp that kills.  It takes jobs only once it has
 * found the EICAR test mail, and only while nobody tells it otherwise.  It ends after so
 * many scans or so much CPU time, and after a scan that failed: what went wrong (memory,
 * its folder) would not get better by itself.
 */
#ifndef MILTERS_SCAN_SCAN_WORKER_H
#define MILTERS_SCAN_SCAN_WORKER_H

#include <sys/types.h>

#include "milters/scan/clam_engine.h"
#include "milters/scan/scan_board.h"
#include "milters/scan/scan_folder.h"
#include "milters/scan/scan_lane.h"

/* Octets on the command pipe; end of file is WORKER_RETIRE. */
enum { WORKER_ACTIVATE = 'A', WORKER_RETIRE = 'T' };

/* Exit status of a worker that could not lock itself in or work, is worn out, has
 * signatures that do not find the test mail. */
enum {
    WORKER_EXIT_DONE = 0,
    WORKER_EXIT_UNFIT = 10,
    WORKER_EXIT_WORN = 11,
    WORKER_EXIT_BLIND = 12,
};

struct scan_worker {
    struct clam_engine *engine;
    const struct config_list *allowed;
    struct scan_slot *slot;
    unsigned number;
    int jobs;     /* of its lane */
    bool is_long; /* serves the long lane, while there is anything in it */
    int commands;
    const struct scan_folder *folder; /* its own, for temporary files */
    pid_t keeper;
    uid_t user; /* to become, where root */
    gid_t group;
    bool require_sandbox;
    uint64_t max_file; /* octets a temporary file may have */
    uint64_t room;     /* for all of them: a stranger's archive may fill that alone */
    unsigned most_scans;
};

/* CPU seconds after which a worker is worn out; beyond that and a scan the kernel ends
 * it. */
enum { WORKER_CPU_WORN = 600, WORKER_CPU_MAX = 1200 };

/* Never returns; the exit status is one of WORKER_EXIT_*. */
void scan_worker_run(const struct scan_worker *worker) __attribute__((noreturn));

#endif
