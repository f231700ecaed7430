/*
 * replica_sync_inside - the state of replica_sync, for its own files: replica_sync.c,
 * replica_load.c (when everything is read), replica_files.c and replica_status.c.
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
    uint64_t
        spread_ms; /* up to a tenth more: gateways that began together don't stay so */

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

/* What is answered is what Redis says, as far as is known now. */
void sync_note_synced(struct replica_sync *sync);

/* At once; where a connection is down, as soon as both are up. */
void sync_start_load(struct replica_sync *sync);
/* Not before that time.  What was to be read key by key is in it. */
void sync_read_everything(struct replica_sync *sync, uint64_t earliest_ms);
/* After a flush, which may be one of many. */
void sync_read_after_flush(struct replica_sync *sync);
bool sync_is_load_due(const struct replica_sync *sync);
/* As replica_scan tells it. */
void sync_load_finished(void *argument, bool taken);
void sync_load_failed(void *argument);

/* The `accept` key is there, or has changed. */
void sync_read_accept(void *argument);

void sync_open_files(
    struct replica_sync *sync, const struct replica_sync_options *options);

#endif
