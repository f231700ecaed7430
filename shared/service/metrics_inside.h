/*
 * metrics_inside - what a registry is made of, for the files of metrics alone.
 */
#ifndef SHARED_SERVICE_METRICS_INSIDE_H
#define SHARED_SERVICE_METRICS_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "shared/service/metrics.h"
#include "shared/service/metrics_domains.h"

enum { METRICS_CHAINS = 64 };

/* What is counted: the one part that forked processes may share. */
struct metrics_values {
    atomic_bool forgotten;
    _Atomic double value; /* of a histogram the sum */
    atomic_uint_fast64_t buckets[];
};

struct metrics_series {
    struct metrics_series *next;
    struct metrics_series *next_in_chain;
    const struct metrics_family *row;
    char *labels; /* written out: `a="b",c="d"` */
    struct metrics_values *values;
};

struct metrics_shown {
    const struct metrics_family *row;
    struct metrics_series *first;
    struct metrics_series *last;
    struct metrics_series *chains[METRICS_CHAINS]; /* the same, found by their labels */
    struct metrics_domains domains;
    size_t shown;
    size_t remembered; /* forgotten ones among them: their pointers stay good */
};

struct metrics {
    pthread_mutex_t lock; /* of the lists; values are atomic */
    struct metrics_series *reload_ok;
    struct metrics_series *reload_time;
    void (*refresh)(void *argument);
    void *refresh_argument;
    /* Of metrics_new_shared: where values stand, for the process that made it. */
    char *shared;
    size_t shared_used;
    pid_t owner;
    size_t count;
    struct metrics_shown families[];
};

/* 0 for what is no histogram. */
size_t metrics_bound_count(const struct metrics_family *row);

#endif
