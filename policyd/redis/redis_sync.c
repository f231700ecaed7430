#include "policyd/redis/redis_sync.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "policyd/redis/redis_link.h"
#include "policyd/redis/redis_login.h"
#include "shared/base/number.h"

enum { WORDS_MAX = 1024 };

struct redis_sync {
    redisContext *context;
    struct redis_pool *pool;
    char address[300];
};

static bool
connect_to(struct redis_sync *sync, const struct socket_address *address,
    unsigned timeout_ms, struct error *error)
{
    struct timeval timeout = {
        .tv_sec = timeout_ms / 1000,
        .tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000),
    };
    const char *host = address->host[0] == '\0' ? "127.0.0.1" : address->host;

    redisFree(sync->context);
    socket_address_write(address, sync->address);
    sync->context = address->kind == SOCKET_UNIX
                        ? redisConnectUnixWithTimeout(address->path, timeout)
                        : redisConnectWithTimeout(host, (int)address->port, timeout);
    if (sync->context == NULL)
        abort();
    if (sync->context->err != 0)
        return error_temporary(error, "%s: %s", sync->address, sync->context->errstr);
    if (redisSetTimeout(sync->context, timeout) != REDIS_OK)
        return error_temporary(error, "%s: no timeout could be set", sync->address);
    if (address->kind == SOCKET_INET)
        redis_link_watch_peer(sync->context->fd, timeout_ms);
    redis_pool_reset(sync->pool);
    redis_pool_attach(sync->pool, sync->context->reader);
    return true;
}

static bool
log_in(struct redis_sync *sync, const struct redis_options *options, struct error *error)
{
    for (unsigned step = 0; step < REDIS_LOGIN_STEPS; step++) {
        struct span words[REDIS_LOGIN_WORDS_MAX];
        char number[16];
        size_t count = redis_login_words(options, step, words, number);
        const struct redis_reply *reply = NULL;
        enum redis_trouble trouble;
        struct error why = {0};

        if (count == 0)
            continue;
        if (!redis_call(sync, count, words, &reply, error) &&
            error->kind == ERROR_TEMPORARY)
            return false;
        if (!redis_login_check(step, reply, &trouble, &why))
            return error_temporary(error, "%.100s: %.90s", sync->address, why.text);
    }
    return true;
}

static bool
ask_sentinel(struct redis_sync *sync, const struct redis_options *options,
    struct socket_address *primary, struct error *error)
{
    const struct redis_reply *reply = NULL;
    uint64_t port;

    if (!redis_call_words(sync, &reply, error, SPAN("SENTINEL"),
            SPAN("get-master-addr-by-name"), span_of(options->primary)))
        return false;
    *primary = (struct socket_address){.kind = SOCKET_INET};
    if (reply == NULL || !redis_reply_is_array(reply, 2) ||
        !redis_reply_is_string(&reply->elements[0]) ||
        !redis_reply_is_string(&reply->elements[1]) ||
        !span_copy(reply->elements[0].text, primary->host, sizeof(primary->host)) ||
        !number_unsigned(reply->elements[1].text, 65535, &port) || port == 0)
        return error_temporary(
            error, "%s: the sentinel knows no primary of this name", sync->address);
    primary->port = (unsigned)port;
    return true;
}

static bool
open_primary(struct redis_sync *sync, const struct redis_options *options,
    const struct socket_address *address, unsigned timeout_ms, struct error *error)
{
    return connect_to(sync, address, timeout_ms, error) && log_in(sync, options, error);
}

struct redis_sync *
redis_sync_open(const struct redis_options *options, struct error *error)
{
    struct redis_sync *sync = calloc(1, sizeof(*sync));
    unsigned timeout_ms =
        options->timeout_ms == 0 ? REDIS_TIMEOUT_MS : options->timeout_ms;
    bool is_open = false;

    if (sync == NULL)
        abort();
    sync->pool = redis_pool_new();
    if (options->sentinel_count == 0)
        is_open = open_primary(sync, options, &options->address, timeout_ms, error);
    for (size_t i = 0; i < options->sentinel_count && !is_open; i++) {
        struct socket_address primary;

        is_open = connect_to(sync, &options->sentinels[i], timeout_ms, error) &&
                  ask_sentinel(sync, options, &primary, error) &&
                  open_primary(sync, options, &primary, timeout_ms, error);
    }
    if (is_open)
        return sync;
    redis_sync_close(sync);
    return NULL;
}

void
redis_sync_close(struct redis_sync *sync)
{
    if (sync == NULL)
        return;
    redisFree(sync->context);
    redis_pool_free(sync->pool);
    free(sync);
}

const char *
redis_sync_address(const struct redis_sync *sync)
{
    return sync->address;
}

bool
redis_call(struct redis_sync *sync, size_t count, const struct span *words,
    const struct redis_reply **reply, struct error *error)
{
    redis_sync_send(sync, count, words);
    return redis_sync_receive(sync, reply, error);
}

void
redis_sync_send(struct redis_sync *sync, size_t count, const struct span *words)
{
    const char *texts[WORDS_MAX];
    size_t lengths[WORDS_MAX];

    assert(count <= WORDS_MAX);
    for (size_t i = 0; i < count; i++) {
        texts[i] = words[i].length == 0 ? "" : words[i].data;
        lengths[i] = words[i].length;
    }
    /* What goes wrong here is said by redis_sync_receive. */
    redisAppendCommandArgv(sync->context, (int)count, texts, lengths);
}

bool
redis_sync_receive(
    struct redis_sync *sync, const struct redis_reply **reply, struct error *error)
{
    void *answer = NULL;
    const struct redis_reply *given;

    redis_pool_reset(sync->pool);
    if (reply != NULL)
        *reply = NULL;
    if (sync->context->err != 0 || redisGetReply(sync->context, &answer) != REDIS_OK)
        return error_temporary(error, "%s: %s", sync->address,
            sync->context->err == REDIS_ERR_IO ? "no answer in time"
                                               : sync->context->errstr);
    given = answer;
    if (reply != NULL)
        *reply = given;
    if (redis_reply_is_error(given))
        return error_permanent(error, "%.*s",
            (int)(given->text.length < 190 ? given->text.length : 190), given->text.data);
    return true;
}
