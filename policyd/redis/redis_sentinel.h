/*
 * redis_sentinel - what a Sentinel answers about the primary, and whose word counts.
 *
 * The one with the highest epoch of its configuration: a sentinel that was cut off from
 * the others goes on naming the old primary, with the old epoch.  Pure.
 */
#ifndef POLICYD_REDIS_REDIS_SENTINEL_H
#define POLICYD_REDIS_REDIS_SENTINEL_H

#include "policyd/redis/redis_reply.h"
#include "shared/service/socket_address.h"

struct redis_sentinel {
    bool known; /* it names a primary */
    struct socket_address primary;
    uint64_t epoch; /* 0: not told */
};

/* Answers to SENTINEL get-master-addr-by-name, and to SENTINEL MASTER; what says nothing
 * changes nothing. */
void redis_sentinel_take_address(
    struct redis_sentinel *sentinel, const struct redis_reply *reply);
void redis_sentinel_take_epoch(
    struct redis_sentinel *sentinel, const struct redis_reply *reply);

/* The one to believe, the first of equals; NULL: none knows it. */
const struct redis_sentinel *redis_sentinel_best(
    const struct redis_sentinel *sentinels, size_t count);

#endif
