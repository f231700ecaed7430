/*
 * redis_sync - Redis for a command line tool: connect, ask, wait for the answer.
 *
 * Blocks, and resolves names with getaddrinfo: never used by a daemon's loop.  The same
 * options and the same checks as redis: Sentinel, AUTH, SELECT, ROLE must be master.
 */
#ifndef POLICYD_REDIS_REDIS_SYNC_H
#define POLICYD_REDIS_REDIS_SYNC_H

#include "policyd/redis/redis.h"

struct redis_sync;

/* NULL: can't be reached, or refused; the error says why. */
struct redis_sync *redis_sync_open(
    const struct redis_options *options, struct error *error);
void redis_sync_close(struct redis_sync *sync);

const char *redis_sync_address(const struct redis_sync *sync);

/*
 * One command of at most 1,024 words.  False (temporary) when the connection failed:
 * nothing more will work on it; false (permanent) when Redis answered with an error:
 * `error` has its text, and *reply is that answer.  The reply lives until the next call.
 * `reply` may be NULL.
 */
bool redis_call(struct redis_sync *sync, size_t count, const struct span *words,
    const struct redis_reply **reply, struct error *error);

/* redis_call_words(sync, &reply, &error, SPAN("GET"), key) */
#define redis_call_words(sync, reply, error, ...)                                        \
    redis_call(sync, sizeof(REDIS_WORDS(__VA_ARGS__)) / sizeof(struct span),             \
        REDIS_WORDS(__VA_ARGS__), reply, error)

/*
 * Many commands in one go: give them, at most 1,000 at a time, then receive as many
 * answers in their order.
 */
void redis_sync_send(struct redis_sync *sync, size_t count, const struct span *words);
bool redis_sync_receive(
    struct redis_sync *sync, const struct redis_reply **reply, struct error *error);

#endif
