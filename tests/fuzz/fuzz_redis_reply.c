/*
 * What a server sends, in two pieces, through hiredis' reader into our replies; all of
 * each reply is walked over.
 */
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "policyd/redis/redis_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t seen;

static void
walk(const struct redis_reply *reply)
{
    for (size_t i = 0; i < reply->text.length; i++)
        seen += (unsigned char)reply->text.data[i];
    seen += (uint64_t)reply->integer;
    for (size_t i = 0; i < reply->count; i++)
        walk(&reply->elements[i]);
}

static void
take_replies(struct redisReader *reader, struct redis_pool *pool)
{
    void *reply = NULL;

    while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL) {
        walk(reply);
        redis_pool_reset(pool);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_pool *pool = redis_pool_new();
    struct redisReader *reader = redisReaderCreate();
    size_t first = size > 0 ? data[0] % size : 0;

    if (reader == NULL)
        abort();
    redis_pool_attach(pool, reader);
    redisReaderFeed(reader, (const char *)data, first);
    take_replies(reader, pool);
    redisReaderFeed(reader, (const char *)data + first, size - first);
    take_replies(reader, pool);
    redisReaderFree(reader);
    redis_pool_free(pool);
    return 0;
}
