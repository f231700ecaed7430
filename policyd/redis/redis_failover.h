/*
 * redis_failover - tells when the sentinels name another primary than the one we use.
 *
 * An old primary may go on answering, cut off from the sentinels that have replaced it.
 * So
 * `+switch-master` is heard from each of them, and all are asked every 3 seconds.
 */
#ifndef POLICYD_REDIS_REDIS_FAILOVER_H
#define POLICYD_REDIS_REDIS_FAILOVER_H

#include "policyd/redis/redis_options.h"

struct event_base;
struct redis_failover;

/* Who the primary is, at each round that had an answer. */
typedef void redis_failover_primary(void *argument, const struct socket_address *primary);

/* NULL where there are no sentinels.  The options are copied. */
struct redis_failover *redis_failover_new(struct event_base *base,
    const struct redis_options *options, redis_failover_primary *callback,
    void *argument);
void redis_failover_free(struct redis_failover *failover);

#endif
