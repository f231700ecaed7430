/*
 * scan_store - a ceiling for the memory that messages under way take, over all sessions
 * of a process.
 *
 * Where there is no room for more, the message that has been quiet for the longest time,
 * SCAN_QUIET_MS at least, loses its octets and with them its turn (451 when it goes on);
 * where none is that quiet the one that wants more does.  So what stalls is in nobody's
 * way.  A message that is complete keeps its own: it is done with within the deadline.
 * Safe between threads.
 */
#ifndef MILTERS_SCAN_SCAN_STORE_H
#define MILTERS_SCAN_SCAN_STORE_H

#include <stdbool.h>
#include <stdint.h>

enum { SCAN_QUIET_MS = 5000 };

/* A message's share; zeroes: it has none. */
struct scan_share {
    struct scan_share *next;
    struct scan_share *previous;
    int fd; /* its memfd */
    uint64_t octets;
    uint64_t last_ms; /* when it last grew */
    bool complete;
    bool lost;
};

/* Before the first message; 0: no ceiling. */
void scan_store_set_ceiling(uint64_t octets);

/* Before so many octets are written to `fd`.  False: they must not be, the message is
 * lost. */
bool scan_store_grow(struct scan_share *share, int fd, uint64_t octets, uint64_t now_ms);

/* All octets are there.  False: they are lost. */
bool scan_store_complete(struct scan_share *share);

/* Before its descriptor is closed. */
void scan_store_leave(struct scan_share *share);

uint64_t scan_store_octets(void); /* of all */

#endif
