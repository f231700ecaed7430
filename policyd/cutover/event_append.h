/*
 * event_append - what a controller writes to Redis with events, one after the other: each
 * is sent again while others are first (event_write), and the next one begins with the
 * head that it led to.
 */
#ifndef POLICYD_CUTOVER_EVENT_APPEND_H
#define POLICYD_CUTOVER_EVENT_APPEND_H

#include "policyd/events/event_write.h"
#include "policyd/redis/redis.h"

struct event_append;

/* `redis` is borrowed; what waits when it goes is answered with NULL. */
struct event_append *event_append_new(struct redis *redis);
void event_append_free(struct event_append *append);

/*
 * `write` lives in `arena`, which goes with the answer: the script's own, NULL where the
 * connection was lost, or an error of Redis.  False: there is none, or too much waits;
 * then `done` is not called, and the arena is gone, too.
 */
bool event_append_add(struct event_append *append, struct arena *arena,
    struct event_write *write, redis_callback *done, void *argument);

#endif
