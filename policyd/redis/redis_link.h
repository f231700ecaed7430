/*
 * redis_link - one connection to one Redis: commands out, answers back in their order, a
 * deadline for each.
 *
 * The floor below redis, which decides where to connect and when to try again.  Bytes are
 * read at most 16 KiB a turn of the loop, so that a flood of answers never holds up
 * anybody else.
 */
#ifndef POLICYD_REDIS_REDIS_LINK_H
#define POLICYD_REDIS_REDIS_LINK_H

#include "policyd/redis/redis.h"
#include "policyd/redis/redis_resolve.h"

struct redis_link;

struct redis_link_events {
    void (*connected)(void *argument);
    /* Once, and nothing comes after it; the callbacks in flight get theirs when the link
     * is freed. */
    void (*lost)(void *argument, enum redis_trouble trouble, const char *why);
    void (*push)(void *argument, const struct redis_reply *message);
};

/* NULL: refused at once.  The options say the timeout, of connecting too. */
struct redis_link *redis_link_open(struct event_base *base,
    const struct redis_target *target, const struct redis_options *options,
    const struct redis_link_events *events, void *argument, struct error *error);

/* In any callback, too.  Commands in flight get a NULL reply. */
void redis_link_free(struct redis_link *link);

bool redis_link_send(struct redis_link *link, redis_callback *callback, void *argument,
    size_t count, const struct span *words);
/* Of each command from now on. */
void redis_link_set_timeout(struct redis_link *link, unsigned timeout_ms);
size_t redis_link_room(const struct redis_link *link);

#endif
