/*
 * scan_lane - short work goes first.
 *
 * What a message costs is known by scanning it.  All begin alike, on the workers' socket.
 * While every worker is busy, a job waits and none gets on, the worker that has used the
 * most CPU time, and more than SCAN_SHORT_MS of it (less once somebody has waited for a
 * while), gives way.  It goes on with its job at the lowest priority and ends behind it,
 * another takes its place at once.  Where as many do so already as may, it is killed, and
 * whoever asked for the job sends it again on a second socket, the long lane, within the
 * same deadline.  That is served by workers that the keeper forks when something waits
 * there; they have the lowest priority and end when nothing does.  So no number of
 * messages that take long keeps the workers from those that do not, beyond the time it
 * takes to know them; one that takes long while nobody waits is not disturbed.
 *
 * CPU time and not time: on a machine that is short of it ordinary mail would be taken
 * for long work too.
 *
 * Limits: in the long lane the first comes first, but one at a time of each client
 * (scan_turn.h): many clients with messages that take long may keep others like them
 * waiting until their deadline (451, try again later).
 */
#ifndef MILTERS_SCAN_SCAN_LANE_H
#define MILTERS_SCAN_SCAN_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    SCAN_SHORT_MS = 600,    /* CPU time: above that work is long, */
    SCAN_SHORTER_MS = 150,  /* and above that for who has waited */
    SCAN_PATIENCE_MS = 300, /* so long, in time by the clock */
    SCAN_QUEUE_MS = 1000,   /* a queue that does get on is one too many after that */
    SCAN_LONG_NICE = 15,
    SCAN_LONG_IDLE_MS = 2000, /* after that a worker of the long lane ends */
};

/* What a worker has used for the job in hand, as seen at each look. */
struct scan_lane_watch {
    uint64_t job;
    uint64_t began_ms; /* CPU time when it was first seen */
    uint64_t used_ms;  /* since then */
};

/* Whether something waits on a socket that nobody has taken yet. */
bool scan_lane_has_waiting(int jobs);

/* Looks at a process that has this job in hand; 0: none. */
void scan_lane_look(struct scan_lane_watch *watch, pid_t pid, uint64_t job);

/*
 * Pure: of these the one that gives way to who has waited so long; `gets_on`: some worker
 * has begun with another job since the last look.  -1: none is long.
 */
int scan_lane_choose(const struct scan_lane_watch *const *watches, size_t count,
    uint64_t waited_ms, bool gets_on);

/* How many may serve the long lane beside so many workers. */
unsigned scan_lane_most(unsigned workers);

#endif
