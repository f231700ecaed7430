/*
 * replica_sync - the replica, kept the same as Redis.
 *
 * At start the snapshot is read and the override file; then one connection follows
 * invalidations (client tracking, broadcast by prefix) while a second one reads:
 * everything by SCAN, in slices of at most 10 ms, then each key that changes.  Every 10
 * minutes (up to a tenth later, so that gateways part, and no sooner than twenty times
 * what the last one took), after a lost connection and after a flush everything is read
 * again, compared and swapped; whether a change is an order is decided by replica_orders.
 * Without Redis, answers go on from what there is.
 *
 * Logs what an operator should know: changes (`change:`), values that are no order,
 * alarms, loads.
 *
 * Limits: a message that invalidates more than 200,000 keys, or more keys that wait to be
 * read than there are entries (and than 200,000), count as a flush: everything is read
 * again.
 */
#ifndef POLICYD_STORE_REPLICA_SYNC_H
#define POLICYD_STORE_REPLICA_SYNC_H

#include "policyd/redis/redis.h"
#include "policyd/replica/replica_orders.h"

enum { REPLICA_RELOAD_SECONDS = 600 };

/* Texts are copied; what the rules point to outlives the sync, or the next
 * replica_sync_set_rules. */
struct replica_sync_options {
    const struct redis_options *redis;
    const char *prefix;      /* of the keys, "cutover:" */
    const char *snapshot;    /* its file; "": none */
    const char *override;    /* its file; "": none */
    unsigned reload_seconds; /* between full loads; 0: REPLICA_RELOAD_SECONDS */
    struct replica_rules rules;
};

/* Any of them may be NULL. */
struct replica_sync_events {
    /* What is answered has changed: this replica is the one to ask from now on. */
    void (*changed)(void *argument, const struct replica *replica);
    /* One change of one entry, for counting; a load that is taken counts its domains'
     * changes only. */
    void (*counted)(void *argument, enum replica_source source);
    /* The same change, whole; where somebody is told, the log is not. */
    void (*told)(void *argument, const struct replica_change *change);
};

struct replica_sync;

/* Reads the files, then begins with the next turn of the loop.  `changed` is not called
 * before this returns. */
struct replica_sync *replica_sync_new(struct event_base *base,
    const struct replica_sync_options *options, const struct replica_sync_events *events,
    void *argument);
void replica_sync_free(struct replica_sync *sync);

/* After a new configuration: follows this Redis from now on; what it holds is compared
 * with what is answered like any other load. */
void replica_sync_set_redis(
    struct replica_sync *sync, const struct redis_options *options, const char *prefix);

/* After a new configuration: everything is read again by these. */
void replica_sync_set_rules(struct replica_sync *sync, const struct replica_rules *rules);

/* Never NULL; valid until the next `changed`. */
const struct replica *replica_sync_replica(const struct replica_sync *sync);

/* For /status.json, /healthz and metrics; texts are borrowed until the next turn of the
 * loop. */
struct replica_status {
    bool redis_up;             /* both connections are */
    int64_t redis_since;       /* unix time since when it is up, or down */
    const char *redis_address; /* "inet:127.0.0.1:6379" */
    const char *redis_error;   /* NULL when up */
    uint64_t redis_reconnects; /* of the following connection, after the first time */
    uint64_t redis_troubles[REDIS_TROUBLE_COUNT];
    int64_t synced;    /* unix time of the last agreement with Redis: grows while it is
                          followed; 0: never */
    bool loading;      /* everything is being read just now */
    uint64_t loads;    /* taken */
    uint64_t refused;  /* loads that were refused */
    size_t invalid;    /* values in Redis that can't be used */
    size_t suspect;    /* domains of which Redis no longer says what we answer; 1 where
                          that is so of pins, units or a list alone */
    const char *alarm; /* NULL: none */
    int64_t snapshot_written; /* unix time of the file that was last written or read; 0:
                                 none */
    uint64_t snapshot_writes;
    uint64_t snapshot_failures;
    size_t overrides; /* domains that the override file names */
};
void replica_sync_status(const struct replica_sync *sync, struct replica_status *status);

/* What somebody should look at, a line each: alarm, bad values, evicting Redis, override
 * file in force. */
void replica_sync_notes(const struct replica_sync *sync,
    void (*note)(void *argument, const char *text), void *argument);

#endif
