/*
 * swap_watch - notices SWAPDB: the whole database is another one, and Redis invalidates
 * nothing.
 *
 * By the number of such commands in INFO commandstats, which takes no more rights than
 * reading does.
 */
#ifndef POLICYD_STORE_SWAP_WATCH_H
#define POLICYD_STORE_SWAP_WATCH_H

#include "policyd/redis/redis.h"

enum { SWAP_WATCH_SECONDS = 2 };

struct swap_watch {
    bool known;
    uint64_t calls;
    void (*swapped)(void *argument);
    void *argument;
};

/* The first answer after swap_watch_forget is what later ones are compared with. */
void swap_watch_ask(struct swap_watch *watch, struct redis *redis);
void swap_watch_forget(struct swap_watch *watch);

#endif
