/*
 * redis_reply - what Redis answered, as a tree of values.
 *
 * A reply with all its texts lives in one pool and goes at once: with a million keys in a
 * message, freeing them one by one would hold up the loop.  Ceilings are stated; a server
 * that passes them loses its connection.
 */
#ifndef POLICYD_REDIS_REDIS_REPLY_H
#define POLICYD_REDIS_REDIS_REPLY_H

#include "shared/base/span.h"

enum redis_kind {
    REDIS_NIL,
    REDIS_STATUS,
    REDIS_ERROR,
    REDIS_INTEGER,
    REDIS_STRING,
    REDIS_ARRAY
};

enum {
    REDIS_REPLY_OCTETS_MAX = 64 * 1024 * 1024, /* of one reply, texts and nodes */
    REDIS_REPLY_ELEMENTS_MAX = 1024 * 1024,    /* of one array */
    REDIS_VALUE_OCTETS_MAX = 16 * 1024 * 1024, /* of one text */
    REDIS_REPLY_DEPTH_MAX = 8,                 /* of arrays in arrays */
};

struct redis_reply {
    enum redis_kind kind;
    int64_t integer;
    struct span text; /* of REDIS_STRING, REDIS_STATUS, REDIS_ERROR */
    struct redis_reply *elements;
    size_t count;
};

/* NULL (a lost connection) is nothing of all that. */
bool redis_reply_is_error(const struct redis_reply *reply);
bool redis_reply_is_string(const struct redis_reply *reply);
bool redis_reply_is_array(const struct redis_reply *reply, size_t least);
bool redis_reply_is_status(const struct redis_reply *reply, const char *text);

/* Whether it is the error that starts with this word: "WRONGTYPE", "NOSCRIPT". */
bool redis_reply_is_error_of(const struct redis_reply *reply, const char *word);

/* The texts of an array of strings and nothing else: how many; 0 where it is no such one
 * of at most `room`. */
size_t redis_reply_texts(
    const struct redis_reply *reply, struct span *texts, size_t room);

/* Of an array of names and values, as hashes and events are: what stands behind `name`,
 * "" where nothing does. */
struct span redis_reply_field(const struct redis_reply *fields, const char *name);

/* The memory of one reply after the other; hiredis' reader fills it. */
struct redis_pool;
struct redisReader;

struct redis_pool *redis_pool_new(void);
void redis_pool_free(struct redis_pool *pool);
void redis_pool_reset(struct redis_pool *pool);

/* From now on this reader makes struct redis_reply in the pool. */
void redis_pool_attach(struct redis_pool *pool, struct redisReader *reader);

#endif
