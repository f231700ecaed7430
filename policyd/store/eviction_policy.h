/*
 * eviction_policy - whether Redis may throw keys away when its memory is full.
 *
 * An evicted key looks like a deleted one.  What INFO says is kept and, where it isn't
 * noeviction, warned of once.
 */
#ifndef POLICYD_STORE_EVICTION_POLICY_H
#define POLICYD_STORE_EVICTION_POLICY_H

#include "policyd/redis/redis.h"

struct eviction_policy {
    struct redis *redis;
    char name[64]; /* "noeviction", "allkeys-lru", "unknown"; "": not yet asked */
};

void eviction_policy_ask(struct eviction_policy *policy, struct redis *redis);

/* False where it is known not to be noeviction, or can't be known. */
bool eviction_policy_is_safe(const struct eviction_policy *policy);

#endif
