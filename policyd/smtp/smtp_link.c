#include "policyd/smtp/smtp_link.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/redis/redis_socket.h"
#include "policyd/wire/smtp_reply.h"
#include "shared/base/allocate.h"

enum { PEER_TIMEOUT_MS = 30000 };

struct smtp_link {
    struct event_base *base;
    int fd;
    struct bufferevent *stream;
    SSL *session;
    bool is_connected;
    bool is_secured;
    bool is_lost;
    struct smtp_link_events events;
    void *argument;
};

static void
lose(struct smtp_link *link, const char *why)
{
    if (link->is_lost)
        return;
    link->is_lost = true;
    (void)bufferevent_disable(link->stream, EV_READ | EV_WRITE);
    link->events.lost(link->argument, why);
}

static void
on_read(struct bufferevent *stream, void *argument)
{
    struct smtp_link *link = argument;

    (void)stream;
    if (!link->is_lost)
        link->events.came(link->argument);
}

static void
begin_reading(struct smtp_link *link)
{
    bufferevent_setwatermark(link->stream, EV_READ, 0, SMTP_REPLY_MAX + 1);
    (void)bufferevent_enable(link->stream, EV_READ | EV_WRITE);
}

static void
was_opened(struct smtp_link *link)
{
    if (link->session == NULL && !link->is_connected) {
        link->is_connected = true;
        begin_reading(link);
        link->events.connected(link->argument);
    } else if (link->session != NULL && !link->is_secured) {
        link->is_secured = true;
        link->events.secured(link->argument);
    }
}

static const char *
why_lost(struct smtp_link *link, short what, char text[256])
{
    unsigned long of_tls =
        link->session != NULL ? bufferevent_get_openssl_error(link->stream) : 0;
    const char *reason = of_tls != 0 ? ERR_reason_error_string(of_tls) : NULL;

    if (reason != NULL)
        (void)snprintf(text, 256, "TLS: %s", reason);
    else if ((what & BEV_EVENT_EOF) != 0 || errno == 0)
        (void)snprintf(text, 256, "closed by the server");
    else
        (void)snprintf(
            text, 256, "%s", evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
    return text;
}

static void
on_event(struct bufferevent *stream, short what, void *argument)
{
    struct smtp_link *link = argument;
    char text[256];

    (void)stream;
    if ((what & BEV_EVENT_CONNECTED) != 0)
        was_opened(link);
    else if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0)
        lose(link, why_lost(link, what, text));
}

static void
take_stream(struct smtp_link *link, struct bufferevent *stream)
{
    link->stream = allocated(stream);
    bufferevent_setcb(link->stream, on_read, NULL, on_event, link);
}

struct smtp_link *
smtp_link_open(struct event_base *base, const struct redis_target *target,
    const struct smtp_link_events *events, void *argument, struct error *error)
{
    struct smtp_link *link;
    int fd = redis_socket_open(target, PEER_TIMEOUT_MS, error);

    if (fd < 0)
        return NULL;
    link = allocate(sizeof(*link));
    link->base = base;
    link->fd = fd;
    link->events = *events;
    link->argument = argument;
    take_stream(link, bufferevent_socket_new(base, fd, BEV_OPT_DEFER_CALLBACKS));
    /* It is on its way already: this waits for the end of it. */
    (void)bufferevent_socket_connect(link->stream, NULL, 0);
    return link;
}

void
smtp_link_free(struct smtp_link *link)
{
    if (link == NULL)
        return;
    bufferevent_free(link->stream);
    SSL_free(link->session);
    (void)close(link->fd);
    free(link);
}

void
smtp_link_send(struct smtp_link *link, struct span octets)
{
    if (!link->is_lost)
        (void)bufferevent_write(link->stream, octets.data, octets.length);
}

size_t
smtp_link_unsent(const struct smtp_link *link)
{
    return evbuffer_get_length(bufferevent_get_output(link->stream));
}

struct span
smtp_link_input(struct smtp_link *link)
{
    struct evbuffer *input = bufferevent_get_input(link->stream);

    return span_make(evbuffer_pullup(input, -1), evbuffer_get_length(input));
}

void
smtp_link_use(struct smtp_link *link, size_t count)
{
    (void)evbuffer_drain(bufferevent_get_input(link->stream), count);
}

void
smtp_link_secure(struct smtp_link *link, SSL *session)
{
    bufferevent_free(link->stream);
    link->session = session;
    take_stream(link, bufferevent_openssl_socket_new(link->base, link->fd, session,
                          BUFFEREVENT_SSL_CONNECTING, BEV_OPT_DEFER_CALLBACKS));
    /* Servers that close without a word of TLS are many; a reply cut short is seen. */
    bufferevent_openssl_set_allow_dirty_shutdown(link->stream, 1);
    begin_reading(link);
}

SSL *
smtp_link_session(const struct smtp_link *link)
{
    return link->session;
}
