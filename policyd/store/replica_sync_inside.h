/*
 * replica_sync_inside - the state of replica_sync, for its own three files:
 * replica_sync.c, replica_files.c and replica_status.c.
 */
#ifndef POLICYD_STORE_REPLICA_SYNC_INSIDE_H
#define POLICYD_STORE_REPLICA_SYNC_INSIDE_H

#include "policyd/redis/redis_failover.h"
#include "policyd/store/changed_keys.h"
#include "policyd/store/eviction_policy.h"
#include "policyd/store/override.h"
#include "policyd/store/replica_log.h"
#include "policyd/store/replica_scan.h"
#include "policyd/store/replica_sync.h"
#include "policyd/store/replica_tracker.h"
#include "policyd/store/snapshot.h"
#include "policyd/store/swap_watch.h"

struct replica_sync {
    struct event_base *base;
    struct replica_sync_events events;
    void *argument;
    char *prefix;
    unsigned reload_seconds;

    struct replica_orders *orders;
    struct replica_log *log;
    struct snapshot *snapshot; /* NULL: none is kept */
    struct override *override; /* NULL: none is followed */
    int64_t snapshot_read;     /* unix time of the one that was read at start */

    struct redis_failover *failover; /* NULL: no sentinels */
    struct replica_tracker *tracker;
    struct reading reading; /* its connection is the second one */
    struct changed_keys *changed;
    struct replica_scan *scan;
    struct event *second;
    unsigned seconds;

    bool load_wanted; /* as soon as both connections are up */
    bool load_again;  /* something happened during this one that asks for another */
    bool in_step;     /* a load has ended since the tracker follows */
    uint64_t load_begun_ms;
    uint64_t load_ended_ms;
    uint64_t load_took_ms;
    uint64_t load_earliest_ms; /* of one that is wanted */
    uint64_t changed_ms;       /* the last change */
    uint64_t loads;
    uint64_t refused;

    int64_t synced;
    bool was_up;
    int64_t up_since; /* or down since */
    struct eviction_policy policy;
    struct swap_watch swap;
};

/* Whether both connections are up. */
bool sync_is_up(const struct replica_sync *sync);

void sync_open_files(
    struct replica_sync *sync, const struct replica_sync_options *options);

#endif
