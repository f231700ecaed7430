/*
 * replica_tracker - hears from Redis which keys have changed.
 *
 * One connection whose client tracking is redirected to itself (RESP2: had it another's
 * connection to send to, the loss of that one would go unnoticed), with a SUBSCRIBE every
 * 5 s as a heartbeat.  Two that are not answered end the connection, and everything heard
 * since is worth nothing: `lost` means that all has to be read again.
 */
#ifndef POLICYD_STORE_REPLICA_TRACKER_H
#define POLICYD_STORE_REPLICA_TRACKER_H

#include "policyd/redis/redis.h"

struct replica_tracker_events {
    void (*following)(void *argument); /* from now on every change is told */
    void (*lost)(void *argument);
    void (*changed)(void *argument, const struct redis_reply *keys, size_t count);
    void (*flushed)(void *argument); /* anything may have changed */
    void (*alive)(void *argument);   /* a heartbeat was answered */
};

struct replica_tracker;

struct replica_tracker *replica_tracker_new(struct event_base *base,
    const struct redis_options *options, const char *prefix,
    const struct replica_tracker_events *events, void *argument);
void replica_tracker_free(struct replica_tracker *tracker);

/* Its connection, for status; redis_is_up: it follows. */
struct redis *replica_tracker_redis(const struct replica_tracker *tracker);

#endif
