/*
 * redis_dial - from an address of the configuration to a link: resolves it, then tries
 * what it means, one target after the other.
 *
 * One attempt: who wants another one makes another dial.  Nothing here blocks.
 */
#ifndef POLICYD_REDIS_REDIS_DIAL_H
#define POLICYD_REDIS_REDIS_DIAL_H

#include "policyd/redis/redis_link.h"

struct redis_dial;

struct redis_dial_events {
    /* `link` belongs to the dial and goes with it. */
    void (*connected)(void *argument, struct redis_link *link);
    /* Once: no target took us, or the link was lost.  The dial may be freed in it. */
    void (*failed)(void *argument, enum redis_trouble trouble, const char *why);
    void (*push)(void *argument, const struct redis_reply *message);
};

/* Begins with the next turn of the loop. */
struct redis_dial *redis_dial_new(struct event_base *base,
    const struct socket_address *address, const struct redis_options *options,
    const struct redis_dial_events *events, void *argument);
void redis_dial_free(struct redis_dial *dial);

#endif
