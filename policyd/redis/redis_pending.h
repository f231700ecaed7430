/*
 * redis_pending - commands that wait for their answers, in their order: a ring that
 * grows.
 */
#ifndef POLICYD_REDIS_REDIS_PENDING_H
#define POLICYD_REDIS_REDIS_PENDING_H

#include "policyd/redis/redis.h"

struct redis_question {
    redis_callback *callback;
    void *argument;
    uint64_t deadline_ms;
    bool subscribes;
};

struct redis_pending {
    struct redis_question *ring;
    size_t first;
    size_t count;
    size_t size;
};

struct redis_question *redis_pending_push(struct redis_pending *pending);
/* There must be one. */
struct redis_question redis_pending_pop(struct redis_pending *pending);
const struct redis_question *redis_pending_first(const struct redis_pending *pending);
void redis_pending_clear(struct redis_pending *pending);

#endif
