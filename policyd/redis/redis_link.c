#include "policyd/redis/redis_link.h"

#include <errno.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policyd/redis/redis_pending.h"
#include "policyd/redis/redis_socket.h"
#include "policyd/redis/redis_trim.h"
#include "shared/base/allocate.h"
#include "shared/base/buffer.h"
#include "shared/service/clock.h"

enum {
    READ_OCTETS = 16 * 1024,
    IN_OCTETS_MAX = 8 * READ_OCTETS,
    COMMAND_OCTETS_MAX = 8 * 1024 * 1024,
    TLS_ALERT = 0x15,
    GRACE_MS = 20, /* between looks at an overdue answer that has begun to arrive */
};

struct redis_link {
    int fd;
    struct redis_tls *tls; /* NULL: none */
    struct event *readable;
    struct event *writable;
    struct event *timer;
    unsigned timeout_ms;
    bool connected; /* and the hands are shaken */
    bool shaking;
    bool heard; /* an answer has come */
    bool subscribed;
    bool timer_armed;
    bool lost;
    bool freed;    /* while busy: goes when the callback that freed it has returned */
    unsigned busy; /* callbacks being run */
    struct redis_trim trim;
    struct buffer in; /* trimmed, for the reader */
    uint64_t heard_ms;
    struct redisReader *reader;
    struct redis_pool *pool;
    struct buffer out;
    struct redis_pending pending;
    struct redis_link_events events;
    void *argument;
};

static void
link_release(struct redis_link *link)
{
    redis_tls_free(link->tls);
    redisReaderFree(link->reader);
    redis_pool_free(link->pool);
    buffer_clear(&link->in);
    buffer_clear(&link->out);
    redis_pending_clear(&link->pending);
    free(link);
}

static void
leave_callback(struct redis_link *link)
{
    link->busy--;
    if (link->freed && link->busy == 0)
        link_release(link);
}

static void
link_lost(struct redis_link *link, enum redis_trouble trouble, const char *why)
{
    if (link->lost || link->freed)
        return;
    link->lost = true;
    event_del(link->readable);
    event_del(link->writable);
    event_del(link->timer);
    link->events.lost(link->argument, trouble, why);
}

static void
arm_timer(struct redis_link *link, uint64_t milliseconds)
{
    struct timeval wait = clock_timeval(milliseconds);

    event_add(link->timer, &wait);
    link->timer_armed = true;
}

/* Answers */

static bool
starts_with_word(const struct redis_reply *reply, const char *word)
{
    return redis_reply_is_array(reply, 1) && redis_reply_is_string(&reply->elements[0]) &&
           span_is(reply->elements[0].text, word);
}

static void
take_reply(struct redis_link *link, const struct redis_reply *reply)
{
    struct redis_question pending;

    if (link->subscribed &&
        (starts_with_word(reply, "message") || starts_with_word(reply, "pmessage"))) {
        if (link->events.push != NULL)
            link->events.push(link->argument, reply);
        return;
    }
    if (link->pending.count == 0) {
        char text[160] = "an answer without a question";

        /* Redis says so before it hangs up on a client too many. */
        if (redis_reply_is_error(reply))
            span_copy(span_first(reply->text, sizeof(text) - 1), text, sizeof(text));
        link_lost(link,
            redis_reply_is_error(reply) ? REDIS_TROUBLE_BUSY : REDIS_TROUBLE_PROTOCOL,
            text);
        return;
    }
    link->heard = true;
    pending = redis_pending_pop(&link->pending);
    if (pending.subscribes && starts_with_word(reply, "subscribe"))
        link->subscribed = true;
    if (pending.callback != NULL)
        pending.callback(pending.argument, reply);
}

static void
take_replies(struct redis_link *link)
{
    while (!link->lost && !link->freed) {
        void *reply = NULL;

        if (redisReaderGetReply(link->reader, &reply) != REDIS_OK) {
            link_lost(link, REDIS_TROUBLE_PROTOCOL, link->reader->errstr);
            return;
        }
        if (reply == NULL)
            return;
        take_reply(link, reply);
        redis_pool_reset(link->pool);
    }
}

static bool
feed_reader(struct redis_link *link, struct span octets)
{
    struct span fed;

    link->heard_ms = clock_now_ms();
    buffer_reset(&link->in);
    if (!redis_trim_feed(&link->trim, octets, &link->in))
        return false;
    fed = buffer_span(&link->in);
    return buffer_ok(&link->in) &&
           redisReaderFeed(link->reader, fed.data, fed.length) == REDIS_OK;
}

/* A server that wants TLS hangs up on the first word, or answers with an alert of TLS. */
static void
lost_by_server(struct redis_link *link, enum redis_trouble trouble, const char *why)
{
    char text[200];

    snprintf(text, sizeof(text), "%s%s", why,
        link->heard || link->tls != NULL ? ""
                                         : ", before it said a word: does it speak TLS "
                                           "alone? (tls = yes, or stunnel)");
    link_lost(link, trouble, text);
}

static void
take_octets(struct redis_link *link, const char *octets, ssize_t count)
{
    if (count < 0)
        lost_by_server(link,
            errno == ETIMEDOUT ? REDIS_TROUBLE_TIMEOUT : REDIS_TROUBLE_LOST,
            strerror(errno));
    else if (count == 0)
        lost_by_server(link, REDIS_TROUBLE_LOST, "closed by the server");
    else if (!feed_reader(link, span_make(octets, (size_t)count)))
        link_lost(link, REDIS_TROUBLE_PROTOCOL,
            octets[0] == TLS_ALERT && !link->heard
                ? "the server speaks TLS (tls = yes, or stunnel)"
                : "what came is no answer of Redis");
    else
        take_replies(link);
}

static void shake_hands(struct redis_link *link);

static void
on_readable(evutil_socket_t fd, short what, void *argument)
{
    struct redis_link *link = argument;
    char octets[READ_OCTETS];
    ssize_t count;

    (void)what;
    if (link->shaking) {
        link->busy++;
        shake_hands(link);
        leave_callback(link);
        return;
    }
    count = link->tls != NULL ? redis_tls_read(link->tls, octets, sizeof(octets))
                              : read(fd, octets, sizeof(octets));
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    link->busy++;
    take_octets(link, octets, count);
    /* What TLS holds back already, the socket doesn't tell of. */
    if (link->tls != NULL && !link->lost && !link->freed && redis_tls_has_more(link->tls))
        event_active(link->readable, EV_READ, 0);
    leave_callback(link);
}

/* Connecting and sending */

static void
is_connected(struct redis_link *link)
{
    link->connected = true;
    event_del(link->timer);
    link->timer_armed = false;
    link->events.connected(link->argument);
}

static void
shake_hands(struct redis_link *link)
{
    struct error error = {0};
    bool writes = false;

    if (redis_tls_shake_hands(link->tls, &writes, &error)) {
        link->shaking = false;
        is_connected(link);
    } else if (errno != EAGAIN) {
        link_lost(link, REDIS_TROUBLE_CONNECT, error.text);
    } else if (writes) {
        event_add(link->writable, NULL);
    }
}

static void
finish_connecting(struct redis_link *link)
{
    int failure = 0;
    socklen_t length = sizeof(failure);

    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &failure, &length) != 0)
        failure = errno;
    if (failure != 0) {
        link_lost(link, REDIS_TROUBLE_CONNECT, strerror(failure));
        return;
    }
    event_add(link->readable, NULL);
    if (link->tls == NULL) {
        is_connected(link);
        return;
    }
    link->shaking = true;
    shake_hands(link);
}

static void
send_some(struct redis_link *link)
{
    ssize_t count = link->tls != NULL
                        ? redis_tls_write(link->tls, link->out.data, link->out.length)
                        : send(link->fd, link->out.data, link->out.length, MSG_NOSIGNAL);

    if (count > 0)
        buffer_consume(&link->out, (size_t)count);
    else if (count < 0 && errno != EAGAIN && errno != EINTR)
        lost_by_server(link, REDIS_TROUBLE_LOST, strerror(errno));
}

static void
on_writable(evutil_socket_t fd, short what, void *argument)
{
    struct redis_link *link = argument;

    (void)fd;
    (void)what;
    link->busy++;
    if (link->shaking)
        shake_hands(link);
    else if (!link->connected)
        finish_connecting(link);
    if (!link->lost && !link->freed && link->out.length > 0)
        send_some(link);
    if (!link->lost && !link->freed && link->out.length > 0)
        event_add(link->writable, NULL);
    leave_callback(link);
}

/*
 * When this process itself was held up, the answer lies in the socket: it is given as
 * long again to be read.  A long answer may take its time, as long as it goes on coming.
 */
static bool
is_being_answered(const struct redis_link *link, uint64_t now, uint64_t deadline)
{
    return (now < deadline + link->timeout_ms && redis_socket_has_more(link->fd)) ||
           (redis_trim_is_within(&link->trim) && now < link->heard_ms + link->timeout_ms);
}

/* The oldest command's time is up. */
static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
    struct redis_link *link = argument;
    uint64_t now = clock_now_ms();
    uint64_t deadline;

    (void)fd;
    (void)what;
    link->timer_armed = false;
    link->busy++;
    if (!link->connected) {
        link_lost(link, REDIS_TROUBLE_TIMEOUT,
            link->shaking ? "no answer to TLS in time: does the server speak it?"
                          : "no connection in time");
    } else if (link->pending.count > 0) {
        deadline = redis_pending_first(&link->pending)->deadline_ms;
        if (now < deadline)
            arm_timer(link, deadline - now);
        else if (is_being_answered(link, now, deadline))
            arm_timer(link, GRACE_MS);
        else
            link_lost(link, REDIS_TROUBLE_TIMEOUT, "no answer in time");
    }
    leave_callback(link);
}

struct redis_link *
redis_link_open(struct event_base *base, const struct redis_target *target,
    const struct redis_options *options, const struct redis_link_events *events,
    void *argument, struct error *error)
{
    struct redis_link *link;
    int fd = redis_socket_open(target, options->timeout_ms, error);

    if (fd < 0)
        return NULL;
    link = allocate(sizeof(*link));
    link->fd = fd;
    link->timeout_ms = options->timeout_ms;
    link->events = *events;
    link->argument = argument;
    link->reader = allocated(redisReaderCreate());
    link->pool = redis_pool_new();
    link->readable =
        allocated(event_new(base, fd, EV_READ | EV_PERSIST, on_readable, link));
    link->writable = allocated(event_new(base, fd, EV_WRITE, on_writable, link));
    link->timer = allocated(event_new(base, -1, 0, on_timer, link));
    redis_pool_attach(link->pool, link->reader);
    if (options->tls != NULL)
        link->tls = redis_tls_new(options->tls, fd, target->name);
    redis_trim_init(&link->trim);
    buffer_init(&link->in, IN_OCTETS_MAX);
    buffer_init(&link->out, REDIS_UNSENT_OCTETS_MAX + COMMAND_OCTETS_MAX);
    event_add(link->writable, NULL);
    arm_timer(link, link->timeout_ms);
    return link;
}

void
redis_link_free(struct redis_link *link)
{
    if (link == NULL || link->freed)
        return;
    link->freed = true;
    link->busy++;
    event_free(link->readable);
    event_free(link->writable);
    event_free(link->timer);
    close(link->fd);
    while (link->pending.count > 0) {
        struct redis_question pending = redis_pending_pop(&link->pending);

        if (pending.callback != NULL)
            pending.callback(pending.argument, NULL);
    }
    leave_callback(link);
}

void
redis_link_set_timeout(struct redis_link *link, unsigned timeout_ms)
{
    link->timeout_ms = timeout_ms;
}

size_t
redis_link_room(const struct redis_link *link)
{
    if (!link->connected || link->lost || link->freed ||
        link->out.length >= REDIS_UNSENT_OCTETS_MAX)
        return 0;
    return REDIS_IN_FLIGHT_MAX - link->pending.count;
}

bool
redis_link_send(struct redis_link *link, redis_callback *callback, void *argument,
    size_t count, const struct span *words)
{
    size_t octets = 32;
    struct redis_question *pending;

    for (size_t i = 0; i < count; i++)
        octets += words[i].length + 32;
    if (redis_link_room(link) == 0 || octets > COMMAND_OCTETS_MAX)
        return false;
    buffer_printf(&link->out, "*%zu\r\n", count);
    for (size_t i = 0; i < count; i++) {
        buffer_printf(&link->out, "$%zu\r\n", words[i].length);
        buffer_append(&link->out, words[i]);
        buffer_append_text(&link->out, "\r\n");
    }
    pending = redis_pending_push(&link->pending);
    pending->callback = callback;
    pending->argument = argument;
    pending->deadline_ms = clock_now_ms() + link->timeout_ms;
    pending->subscribes = count > 0 && span_is_nocase(words[0], "SUBSCRIBE");
    event_add(link->writable, NULL);
    if (!link->timer_armed)
        arm_timer(link, link->timeout_ms);
    return true;
}
