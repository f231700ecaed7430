#include "policyd/redis/redis_pending.h"

#include "shared/base/allocate.h"

#include <stdlib.h>

static void
grow(struct redis_pending *pending)
{
    size_t size = pending->size == 0 ? 64 : pending->size * 2;
    struct redis_question *ring = allocate_array(size, sizeof(*ring));

    for (size_t i = 0; i < pending->count; i++)
        ring[i] = pending->ring[(pending->first + i) % pending->size];
    free(pending->ring);
    pending->ring = ring;
    pending->first = 0;
    pending->size = size;
}

struct redis_question *
redis_pending_push(struct redis_pending *pending)
{
    if (pending->count == pending->size)
        grow(pending);
    return &pending->ring[(pending->first + pending->count++) % pending->size];
}

struct redis_question
redis_pending_pop(struct redis_pending *pending)
{
    struct redis_question question = pending->ring[pending->first];

    pending->first = (pending->first + 1) % pending->size;
    pending->count--;
    return question;
}

const struct redis_question *
redis_pending_first(const struct redis_pending *pending)
{
    return &pending->ring[pending->first];
}

void
redis_pending_clear(struct redis_pending *pending)
{
    free(pending->ring);
    *pending = (struct redis_pending){.ring = NULL};
}
