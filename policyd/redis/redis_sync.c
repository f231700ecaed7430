#include "policyd/redis/redis_sync.h"

#include <assert.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "policyd/redis/redis_login.h"
#include "policyd/redis/redis_sentinel.h"
#include "policyd/redis/redis_socket.h"
#include "policyd/redis/redis_trim.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum {
    WORDS_MAX = 1024,
    READ_OCTETS = 16 * 1024,
    IN_OCTETS_MAX = 8 * READ_OCTETS,
    TLS_ALERT = 0x15
};

struct redis_sync {
    redisContext *context;
    struct redis_trim trim;
    struct buffer in;
    bool tls;
    bool heard; /* an answer */
    struct redis_pool *pool;
    char address[300];
};

static bool
connect_to(struct redis_sync *sync, const struct socket_address *address,
    struct redis_tls_context *tls, unsigned timeout_ms, struct error *error)
{
    struct error why = {0};
    struct timeval timeout = clock_timeval(timeout_ms);
    const char *host = address->host[0] == '\0' ? "127.0.0.1" : address->host;

    redisFree(sync->context);
    socket_address_write(address, sync->address);
    sync->context =
        allocated(address->kind == SOCKET_UNIX
                      ? redisConnectUnixWithTimeout(address->path, timeout)
                      : redisConnectWithTimeout(host, (int)address->port, timeout));
    if (sync->context->err != 0)
        return error_temporary(error, "%s: %s", sync->address, sync->context->errstr);
    if (redisSetTimeout(sync->context, timeout) != REDIS_OK)
        return error_temporary(error, "%s: no timeout could be set", sync->address);
    if (address->kind == SOCKET_INET)
        redis_socket_watch_peer(sync->context->fd, timeout_ms);
    if (tls != NULL && !redis_tls_start(tls, sync->context, address->host, &why))
        return error_temporary(error, "%.80s: %.110s", sync->address, why.text);
    sync->heard = false;
    sync->tls = tls != NULL;
    redis_trim_init(&sync->trim);
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

/* What they say of it is not an error of ours: who is silent says nothing. */
static void
ask_sentinel(struct redis_sync *sync, const char *name, struct redis_sentinel *sentinel,
    struct error *error)
{
    const struct redis_reply *reply = NULL;

    if (redis_call_words(sync, &reply, error, SPAN("SENTINEL"),
            SPAN("get-master-addr-by-name"), span_of(name)))
        redis_sentinel_take_address(sentinel, reply);
    if (!sentinel->known)
        return;
    if (redis_call_words(
            sync, &reply, error, SPAN("SENTINEL"), SPAN("MASTER"), span_of(name)))
        redis_sentinel_take_epoch(sentinel, reply);
}

/* The same primary that policyd finds. */
static bool
find_primary(struct redis_sync *sync, const struct redis_options *options,
    unsigned timeout_ms, struct socket_address *primary, struct error *error)
{
    struct redis_sentinel answers[REDIS_SENTINELS_MAX] = {{.known = false}};
    const struct redis_sentinel *best;

    for (size_t i = 0; i < options->sentinel_count; i++) {
        if (!connect_to(sync, &options->sentinels[i], options->tls, timeout_ms, error))
            continue;
        ask_sentinel(sync, options->primary, &answers[i], error);
        if (!answers[i].known)
            (void)error_temporary(
                error, "%s: the sentinel knows no primary of this name", sync->address);
    }
    best = redis_sentinel_best(answers, options->sentinel_count);
    if (best != NULL)
        *primary = best->primary;
    return best != NULL;
}

static bool
open_primary(struct redis_sync *sync, const struct redis_options *options,
    const struct socket_address *address, unsigned timeout_ms, struct error *error)
{
    return connect_to(sync, address, options->tls, timeout_ms, error) &&
           log_in(sync, options, error);
}

struct redis_sync *
redis_sync_open(const struct redis_options *options, struct error *error)
{
    struct redis_sync *sync = allocate(sizeof(*sync));
    unsigned timeout_ms =
        options->timeout_ms == 0 ? REDIS_TIMEOUT_MS : options->timeout_ms;
    struct socket_address primary;
    bool is_open;

    sync->pool = redis_pool_new();
    buffer_init(&sync->in, IN_OCTETS_MAX);
    primary = options->address;
    is_open = (options->sentinel_count == 0 ||
                  find_primary(sync, options, timeout_ms, &primary, error)) &&
              open_primary(sync, options, &primary, timeout_ms, error);
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
    buffer_clear(&sync->in);
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

static bool
write_all(struct redis_sync *sync)
{
    int done = 0;

    while (!done) {
        if (redisBufferWrite(sync->context, &done) != REDIS_OK)
            return false;
    }
    return true;
}

/* As recv does; by hiredis where it may speak TLS. */
static ssize_t
read_octets(struct redis_sync *sync, char *octets, size_t size)
{
    ssize_t count;

    errno = 0;
    do {
#if HIREDIS_MAJOR >= 1
        count = sync->context->funcs->read(sync->context, octets, size);
        if (count < 0 && errno == 0)
            count = 0; /* its word for the end */
#else
        count = recv(sync->context->fd, octets, size, 0);
#endif
    } while (count < 0 && errno == EINTR);
    return count;
}

/* A server that wants TLS hangs up on the first word. */
static const char *
hint_of_tls(const struct redis_sync *sync, ssize_t count)
{
    if (sync->heard || sync->tls || (count < 0 && errno == EAGAIN))
        return "";
    return ", before it said a word: does it speak TLS alone? (tls = yes, or stunnel)";
}

/* What comes, trimmed, to the reader. */
static bool
read_some(struct redis_sync *sync, struct error *error)
{
    char octets[READ_OCTETS];
    ssize_t count;
    struct span fed;

    count = read_octets(sync, octets, sizeof(octets));
    if (count <= 0)
        return error_temporary(error, "%.80s: %s%s", sync->address,
            count == 0                                ? "closed by the server"
            : errno == EAGAIN || errno == EWOULDBLOCK ? "no answer in time"
                                                      : strerror(errno),
            hint_of_tls(sync, count));
    buffer_reset(&sync->in);
    if (!redis_trim_feed(&sync->trim, span_make(octets, (size_t)count), &sync->in))
        return error_temporary(error, "%s: %s", sync->address,
            octets[0] == TLS_ALERT && !sync->heard
                ? "the server speaks TLS (tls = yes, or stunnel)"
                : "what came is no answer of Redis");
    fed = buffer_span(&sync->in);
    return redisReaderFeed(sync->context->reader, fed.data, fed.length) == REDIS_OK ||
           error_temporary(error, "%s: no memory", sync->address);
}

static bool
next_answer(struct redis_sync *sync, void **answer, struct error *error)
{
    if (sync->context->err != 0 || !write_all(sync))
        return error_temporary(error, "%s: %s", sync->address,
            sync->context->err == REDIS_ERR_IO ? "no answer in time"
                                               : sync->context->errstr);
    for (;;) {
        if (redisReaderGetReply(sync->context->reader, answer) != REDIS_OK)
            return error_temporary(
                error, "%s: %s", sync->address, sync->context->reader->errstr);
        if (*answer != NULL) {
            sync->heard = true;
            return true;
        }
        if (!read_some(sync, error))
            return false;
    }
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
    if (!next_answer(sync, &answer, error)) {
        sync->context->err = REDIS_ERR_OTHER; /* nothing more will work */
        return false;
    }
    assert(answer != NULL);
    given = answer;
    if (reply != NULL)
        *reply = given;
    if (redis_reply_is_error(given))
        return error_permanent(error, "%.*s",
            (int)(given->text.length < 190 ? given->text.length : 190), given->text.data);
    return true;
}
