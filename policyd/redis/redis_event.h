/*
 * redis_event - an entry of the stream of events out of an answer.
 */
#ifndef POLICYD_REDIS_REDIS_EVENT_H
#define POLICYD_REDIS_REDIS_EVENT_H

#include "policyd/events/event_entry.h"
#include "policyd/redis/redis_reply.h"
#include "shared/base/arena.h"

/* As XRANGE and XREAD have it, copied into the arena.  What is more than an event of ours
 * may have is left out, and that is said (is_odd).  False: it is no entry of a stream. */
bool redis_event_read(
    const struct redis_reply *reply, struct arena *arena, struct event_entry *entry);

/* What a head's value says; seq 0 where it is no head. */
void redis_event_head(const struct redis_reply *reply, struct event_head *head);

#endif
