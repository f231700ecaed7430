/*
 * milter_counts - what each serving process has in hand, in memory that outlives it.
 *
 * The supervisor shares the table before its first fork; a process takes a place in it,
 * and who finds that it is gone frees the place and learns what was left.
 */
#ifndef MILTERS_COMMON_MILTER_COUNTS_H
#define MILTERS_COMMON_MILTER_COUNTS_H

#include <stdatomic.h>
#include <sys/types.h>

struct milter_counts {
    atomic_int sessions;
    atomic_int messages; /* in hand */
};

void milter_counts_share(void);

/* This process's own, all zero; one that nobody else sees where there is no place. */
struct milter_counts *milter_counts_mine(void);

/* The sessions that a process had when it ended. */
int milter_counts_left(pid_t pid);

#endif
