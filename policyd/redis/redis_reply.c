#include "policyd/redis/redis_reply.h"

#include "shared/base/allocate.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 1024 * 1024 };

struct block {
    struct block *next;
    size_t size;
    size_t used;
    _Alignas(max_align_t) char data[];
};

struct redis_pool {
    struct block *blocks; /* the newest first; the oldest is kept by a reset */
    size_t taken;
};

static struct block *
block_new(size_t size, struct block *next)
{
    struct block *block = allocated(malloc(sizeof(*block) + size));

    block->next = next;
    block->size = size;
    block->used = 0;
    return block;
}

/* NULL past the ceiling: the reader then says that memory ran out, and the connection is
 * dropped. */
static void *
pool_take(struct redis_pool *pool, size_t size)
{
    struct block *block = pool->blocks;
    void *memory;

    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (size > REDIS_REPLY_OCTETS_MAX || pool->taken > REDIS_REPLY_OCTETS_MAX - size)
        return NULL;
    if (block->size - block->used < size) {
        size_t next = block->size < LARGEST_BLOCK ? block->size * 2 : LARGEST_BLOCK;

        block = block_new(next > size ? next : size, pool->blocks);
        pool->blocks = block;
    }
    memory = block->data + block->used;
    block->used += size;
    pool->taken += size;
    return memory;
}

/* The place of the value in its array, or a node of its own. */
/* hiredis 0.14 has a ceiling of its own, the later ones have none. */
static bool
is_too_deep(const struct redisReadTask *task)
{
    unsigned depth = 0;

    for (; task != NULL; task = task->parent)
        depth++;
    return depth > REDIS_REPLY_DEPTH_MAX;
}

static struct redis_reply *
reply_node(const struct redisReadTask *task, enum redis_kind kind)
{
    struct redis_reply *node;

    if (task->parent != NULL) {
        struct redis_reply *array = task->parent->obj;

        node = &array->elements[task->idx];
    } else {
        node = pool_take(task->privdata, sizeof(*node));
    }
    if (node != NULL)
        *node = (struct redis_reply){.kind = kind};
    return node;
}

static void *
make_string(const struct redisReadTask *task, char *text, size_t length)
{
    enum redis_kind kind = task->type == REDIS_REPLY_ERROR    ? REDIS_ERROR
                           : task->type == REDIS_REPLY_STATUS ? REDIS_STATUS
                                                              : REDIS_STRING;
    struct redis_reply *node = reply_node(task, kind);
    char *copy;

    if (node == NULL || length > REDIS_VALUE_OCTETS_MAX)
        return NULL;
    copy = pool_take(task->privdata, length);
    if (copy == NULL)
        return NULL;
    if (length > 0)
        memcpy(copy, text, length);
    node->text = span_make(copy, length);
    return node;
}

#if HIREDIS_MAJOR >= 1
static void *
make_array(const struct redisReadTask *task, size_t count)
#else
static void *
make_array(const struct redisReadTask *task, int announced)
#endif
{
#if HIREDIS_MAJOR < 1
    size_t count = announced > 0 ? (size_t)announced : 0;
#endif
    struct redis_reply *node = reply_node(task, REDIS_ARRAY);

    if (node == NULL || count > REDIS_REPLY_ELEMENTS_MAX || is_too_deep(task))
        return NULL;
    if (count > 0) {
        node->elements = pool_take(task->privdata, count * sizeof(*node->elements));
        if (node->elements == NULL)
            return NULL;
        memset(node->elements, 0, count * sizeof(*node->elements));
    }
    node->count = count;
    return node;
}

static void *
make_integer(const struct redisReadTask *task, long long number)
{
    struct redis_reply *node = reply_node(task, REDIS_INTEGER);

    if (node != NULL)
        node->integer = number;
    return node;
}

static void *
make_nil(const struct redisReadTask *task)
{
    return reply_node(task, REDIS_NIL);
}

static void
leave_it(void *reply)
{
    (void)reply; /* the pool is reset as a whole */
}

static redisReplyObjectFunctions reply_functions = {
    .createString = make_string,
    .createArray = make_array,
    .createInteger = make_integer,
    .createNil = make_nil,
    .freeObject = leave_it,
};

struct redis_pool *
redis_pool_new(void)
{
    struct redis_pool *pool = allocate(sizeof(*pool));

    pool->blocks = block_new(FIRST_BLOCK, NULL);
    return pool;
}

void
redis_pool_free(struct redis_pool *pool)
{
    if (pool == NULL)
        return;
    redis_pool_reset(pool);
    free(pool->blocks);
    free(pool);
}

void
redis_pool_reset(struct redis_pool *pool)
{
    while (pool->blocks->next != NULL) {
        struct block *next = pool->blocks->next;

        free(pool->blocks);
        pool->blocks = next;
    }
    pool->blocks->used = 0;
    pool->taken = 0;
}

void
redis_pool_attach(struct redis_pool *pool, struct redisReader *reader)
{
    reader->fn = &reply_functions;
    reader->privdata = pool;
}

bool
redis_reply_is_error(const struct redis_reply *reply)
{
    return reply != NULL && reply->kind == REDIS_ERROR;
}

bool
redis_reply_is_string(const struct redis_reply *reply)
{
    return reply != NULL && reply->kind == REDIS_STRING;
}

bool
redis_reply_is_array(const struct redis_reply *reply, size_t least)
{
    return reply != NULL && reply->kind == REDIS_ARRAY && reply->count >= least;
}

bool
redis_reply_is_status(const struct redis_reply *reply, const char *text)
{
    return reply != NULL && reply->kind == REDIS_STATUS && span_is(reply->text, text);
}

bool
redis_reply_is_error_of(const struct redis_reply *reply, const char *word)
{
    struct span rest;
    struct span first;

    if (!redis_reply_is_error(reply))
        return false;
    rest = reply->text;
    return span_word(&rest, &first) && span_is(first, word);
}

size_t
redis_reply_texts(const struct redis_reply *reply, struct span *texts, size_t room)
{
    if (!redis_reply_is_array(reply, 1) || reply->count > room)
        return 0;
    for (size_t i = 0; i < reply->count; i++) {
        if (!redis_reply_is_string(&reply->elements[i]))
            return 0;
        texts[i] = reply->elements[i].text;
    }
    return reply->count;
}

struct span
redis_reply_field(const struct redis_reply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->count; i += 2) {
        if (span_is(fields->elements[i].text, name))
            return fields->elements[i + 1].text;
    }
    return SPAN("");
}
