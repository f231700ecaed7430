/*
 * redis_sentinels - asks all sentinels at once who the primary is.
 *
 * Once one has answered the others have 250 ms more; then the best of the answers counts
 * (redis_sentinel).  A sentinel that is gone costs nobody the whole timeout.
 */
#ifndef POLICYD_REDIS_REDIS_SENTINELS_H
#define POLICYD_REDIS_REDIS_SENTINELS_H

#include "policyd/redis/redis_options.h"
#include "policyd/redis/redis_sentinel.h"

struct event_base;
struct redis_sentinels;

/* `primary` NULL: nobody knows it, `why` says more.  May be freed in it. */
typedef void redis_sentinels_answer(
    void *argument, const struct socket_address *primary, const char *why);

/* The options are borrowed. */
struct redis_sentinels *redis_sentinels_new(struct event_base *base,
    const struct redis_options *options, redis_sentinels_answer *callback,
    void *argument);
void redis_sentinels_free(struct redis_sentinels *sentinels);

/* One round; what is left of the last one is given up. */
void redis_sentinels_ask(struct redis_sentinels *sentinels);

#endif
