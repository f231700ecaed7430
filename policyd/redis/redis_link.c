#include "policyd/redis/redis_link.h"

#include <errno.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/redis/redis_trim.h"
#include "shared/base/buffer.h"
#include "shared/service/clock.h"

enum {
    READ_OCTETS = 16 * 1024,
    IN_OCTETS_MAX = 8 * READ_OCTETS,
    COMMAND_OCTETS_MAX = 8 * 1024 * 1024,
    GRACE_MS = 20, /* between looks at an overdue answer that has begun to arrive */
};

struct pending {
    redis_callback *callback;
    void *argument;
    uint64_t deadline_ms;
    bool subscribes;
};

struct redis_link {
    int fd;
    struct event *readable;
    struct event *writable;
    struct event *timer;
    unsigned timeout_ms;
    bool connected;
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
    struct pending *pending; /* a ring */
    size_t pending_first;
    size_t pending_count;
    size_t pending_size;
    struct redis_link_events events;
    void *argument;
};

static void
link_release(struct redis_link *link)
{
    redisReaderFree(link->reader);
    redis_pool_free(link->pool);
    buffer_clear(&link->in);
    buffer_clear(&link->out);
    free(link->pending);
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
    struct timeval wait = {
        .tv_sec = (time_t)(milliseconds / 1000),
        .tv_usec = (suseconds_t)(milliseconds % 1000 * 1000),
    };

    event_add(link->timer, &wait);
    link->timer_armed = true;
}

/* Commands in flight */

static void
pending_grow(struct redis_link *link)
{
    size_t size = link->pending_size == 0 ? 64 : link->pending_size * 2;
    struct pending *ring = calloc(size, sizeof(*ring));

    if (ring == NULL)
        abort();
    for (size_t i = 0; i < link->pending_count; i++)
        ring[i] = link->pending[(link->pending_first + i) % link->pending_size];
    free(link->pending);
    link->pending = ring;
    link->pending_first = 0;
    link->pending_size = size;
}

static struct pending *
pending_push(struct redis_link *link)
{
    if (link->pending_count == link->pending_size)
        pending_grow(link);
    return &link->pending[(link->pending_first + link->pending_count++) %
                          link->pending_size];
}

static struct pending
pending_pop(struct redis_link *link)
{
    struct pending pending = link->pending[link->pending_first];

    link->pending_first = (link->pending_first + 1) % link->pending_size;
    link->pending_count--;
    return pending;
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
    struct pending pending;

    if (link->subscribed &&
        (starts_with_word(reply, "message") || starts_with_word(reply, "pmessage"))) {
        if (link->events.push != NULL)
            link->events.push(link->argument, reply);
        return;
    }
    if (link->pending_count == 0) {
        char text[160] = "an answer without a question";

        /* Redis says so before it hangs up on a client too many. */
        if (redis_reply_is_error(reply))
            span_copy(span_first(reply->text, sizeof(text) - 1), text, sizeof(text));
        link_lost(link,
            redis_reply_is_error(reply) ? REDIS_TROUBLE_BUSY : REDIS_TROUBLE_PROTOCOL,
            text);
        return;
    }
    pending = pending_pop(link);
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

static void
on_readable(evutil_socket_t fd, short what, void *argument)
{
    struct redis_link *link = argument;
    char octets[READ_OCTETS];
    ssize_t count = read(fd, octets, sizeof(octets));

    (void)what;
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    link->busy++;
    if (count < 0)
        link_lost(link, errno == ETIMEDOUT ? REDIS_TROUBLE_TIMEOUT : REDIS_TROUBLE_LOST,
            strerror(errno));
    else if (count == 0)
        link_lost(link, REDIS_TROUBLE_LOST, "closed by the server");
    else if (!feed_reader(link, span_make(octets, (size_t)count)))
        link_lost(link, REDIS_TROUBLE_PROTOCOL, "what came is no answer of Redis");
    else
        take_replies(link);
    leave_callback(link);
}

/* Connecting and sending */

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
    link->connected = true;
    event_del(link->timer);
    link->timer_armed = false;
    event_add(link->readable, NULL);
    link->events.connected(link->argument);
}

static void
send_some(struct redis_link *link)
{
    ssize_t count = send(link->fd, link->out.data, link->out.length, MSG_NOSIGNAL);

    if (count > 0)
        buffer_consume(&link->out, (size_t)count);
    else if (count < 0 && errno != EAGAIN && errno != EINTR)
        link_lost(link, REDIS_TROUBLE_LOST, strerror(errno));
}

static void
on_writable(evutil_socket_t fd, short what, void *argument)
{
    struct redis_link *link = argument;

    (void)fd;
    (void)what;
    link->busy++;
    if (!link->connected)
        finish_connecting(link);
    if (!link->lost && !link->freed && link->out.length > 0)
        send_some(link);
    if (!link->lost && !link->freed && link->out.length > 0)
        event_add(link->writable, NULL);
    leave_callback(link);
}

static bool
something_to_read(const struct redis_link *link)
{
    struct pollfd ready = {.fd = link->fd, .events = POLLIN};

    return poll(&ready, 1, 0) == 1;
}

/*
 * When this process itself was held up, the answer lies in the socket: it is given as
 * long again to be read.  A long answer may take its time, as long as it goes on coming.
 */
static bool
is_being_answered(const struct redis_link *link, uint64_t now, uint64_t deadline)
{
    return (now < deadline + link->timeout_ms && something_to_read(link)) ||
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
        link_lost(link, REDIS_TROUBLE_TIMEOUT, "no connection in time");
    } else if (link->pending_count > 0) {
        deadline = link->pending[link->pending_first].deadline_ms;
        if (now < deadline)
            arm_timer(link, deadline - now);
        else if (is_being_answered(link, now, deadline))
            arm_timer(link, GRACE_MS);
        else
            link_lost(link, REDIS_TROUBLE_TIMEOUT, "no answer in time");
    }
    leave_callback(link);
}

void
redis_link_watch_peer(int fd, unsigned timeout_ms)
{
    unsigned unacknowledged_ms = timeout_ms * 2;
    int yes = 1;
    int idle = 5;
    int interval = 2;
    int probes = 3;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    setsockopt(
        fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof(unacknowledged_ms));
}

static int
start_connecting(
    const struct redis_target *target, unsigned timeout_ms, struct error *error)
{
    int family = target->address.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        error_temporary(error, "%s", strerror(errno));
        return -1;
    }
    if (family != AF_UNIX)
        redis_link_watch_peer(fd, timeout_ms);
    if (connect(fd, (const struct sockaddr *)&target->address, target->length) != 0 &&
        errno != EINPROGRESS) {
        error_temporary(error, "%s", strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

struct redis_link *
redis_link_open(struct event_base *base, const struct redis_target *target,
    const struct redis_options *options, const struct redis_link_events *events,
    void *argument, struct error *error)
{
    struct redis_link *link;
    int fd = start_connecting(target, options->timeout_ms, error);

    if (fd < 0)
        return NULL;
    link = calloc(1, sizeof(*link));
    if (link == NULL)
        abort();
    link->fd = fd;
    link->timeout_ms = options->timeout_ms;
    link->events = *events;
    link->argument = argument;
    link->reader = redisReaderCreate();
    link->pool = redis_pool_new();
    link->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, link);
    link->writable = event_new(base, fd, EV_WRITE, on_writable, link);
    link->timer = event_new(base, -1, 0, on_timer, link);
    if (link->reader == NULL || link->readable == NULL || link->writable == NULL ||
        link->timer == NULL)
        abort();
    redis_pool_attach(link->pool, link->reader);
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
    while (link->pending_count > 0) {
        struct pending pending = pending_pop(link);

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
    return REDIS_IN_FLIGHT_MAX - link->pending_count;
}

bool
redis_link_send(struct redis_link *link, redis_callback *callback, void *argument,
    size_t count, const struct span *words)
{
    size_t octets = 32;
    struct pending *pending;

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
    pending = pending_push(link);
    pending->callback = callback;
    pending->argument = argument;
    pending->deadline_ms = clock_now_ms() + link->timeout_ms;
    pending->subscribes = count > 0 && span_is_nocase(words[0], "SUBSCRIBE");
    event_add(link->writable, NULL);
    if (!link->timer_armed)
        arm_timer(link, link->timeout_ms);
    return true;
}
