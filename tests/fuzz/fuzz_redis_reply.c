/*
 * What a server sends, in two pieces, trimmed, through hiredis' reader into our replies;
 * all of each reply is walked over.
 */
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "policyd/redis/redis_reply.h"
#include "policyd/redis/redis_trim.h"

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

/* As the link does. */
static void
feed(struct redisReader *reader, struct redis_trim *trim, struct span octets,
    struct buffer *trimmed)
{
    struct span fed;

    buffer_reset(trimmed);
    if (!redis_trim_feed(trim, octets, trimmed))
        return;
    fed = buffer_span(trimmed);
    redisReaderFeed(reader, fed.data, fed.length);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_pool *pool = redis_pool_new();
    struct redisReader *reader = redisReaderCreate();
    size_t first = size > 0 ? data[0] % size : 0;
    struct redis_trim trim;
    struct buffer trimmed;

    if (reader == NULL)
        abort();
    redis_pool_attach(pool, reader);
    redis_trim_init(&trim);
    buffer_init(&trimmed, 4 * size + 1024);
    feed(reader, &trim, span_make((const char *)data, first), &trimmed);
    take_replies(reader, pool);
    feed(reader, &trim, span_make((const char *)data + first, size - first), &trimmed);
    take_replies(reader, pool);
    buffer_clear(&trimmed);
    redisReaderFree(reader);
    redis_pool_free(pool);
    return 0;
}
