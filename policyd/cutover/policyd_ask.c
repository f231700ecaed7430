#include "policyd/cutover/policyd_ask.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "shared/base/allocate.h"

enum { WHY_MAX = 200 };

struct policyd_ask {
    struct bufferevent *talk;
    struct event *deadline;
    struct event *failed; /* told from the loop, also where it fails at once */
    policyd_ask_done *done;
    void *argument;
    char why[WHY_MAX];
};

union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

/* Who listens on all addresses is asked on loopback. */
static const char *
host_of(const struct socket_address *address)
{
    static const char *const any[] = {"*", "0.0.0.0", "::", "localhost"};

    for (size_t i = 0; i < sizeof(any) / sizeof(any[0]); i++) {
        if (strcmp(address->host, any[i]) == 0)
            return "127.0.0.1";
    }
    return address->host;
}

/* 0: it is no address to connect to. */
static socklen_t
find_address(const struct socket_address *address, union any_address *found)
{
    const char *host = host_of(address);

    memset(found, 0, sizeof(*found));
    if (address->kind == SOCKET_UNIX) {
        found->local.sun_family = AF_UNIX;
        memcpy(found->local.sun_path, address->path, strlen(address->path) + 1);
        return (socklen_t)sizeof(found->local);
    }
    if (address->kind != SOCKET_INET)
        return 0;
    if (inet_pton(AF_INET, host, &found->v4.sin_addr) == 1) {
        found->v4.sin_family = AF_INET;
        found->v4.sin_port = htons((uint16_t)address->port);
        return (socklen_t)sizeof(found->v4);
    }
    if (inet_pton(AF_INET6, host, &found->v6.sin6_addr) == 1) {
        found->v6.sin6_family = AF_INET6;
        found->v6.sin6_port = htons((uint16_t)address->port);
        return (socklen_t)sizeof(found->v6);
    }
    return 0;
}

void
policyd_ask_free(struct policyd_ask *ask)
{
    if (ask == NULL)
        return;
    if (ask->talk != NULL)
        bufferevent_free(ask->talk);
    event_free(ask->deadline);
    event_free(ask->failed);
    free(ask);
}

/* The body is in the talk's buffer: it goes last. */
static void
finish(struct policyd_ask *ask, struct span body, const char *why)
{
    policyd_ask_done *done = ask->done;
    void *argument = ask->argument;
    struct bufferevent *talk = ask->talk;

    ask->talk = NULL;
    done(argument, body, why);
    policyd_ask_free(ask);
    if (talk != NULL)
        bufferevent_free(talk);
}

static void
fail(struct policyd_ask *ask, const char *why)
{
    char text[WHY_MAX];

    (void)snprintf(text, sizeof(text), "%s", why);
    finish(ask, SPAN(""), text);
}

static void
on_failed(evutil_socket_t fd, short what, void *argument)
{
    struct policyd_ask *ask = argument;

    (void)fd;
    (void)what;
    fail(ask, ask->why);
}

static void
on_deadline(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    fail(argument, "no answer in time");
}

/* The connection is over: what came is the answer. */
static void
read_answer(struct policyd_ask *ask)
{
    struct evbuffer *input = bufferevent_get_input(ask->talk);
    size_t length = evbuffer_get_length(input);
    const void *data = evbuffer_pullup(input, -1);
    struct span text = span_make(data, data != NULL ? length : 0);
    size_t head = span_find_text(text, SPAN("\r\n\r\n"));

    if (!span_starts(text, SPAN("HTTP/1.")) || head == SPAN_NONE)
        fail(ask, "what answers there doesn't speak HTTP");
    else if (!span_starts(span_from(text, 8), SPAN(" 200")))
        finish(ask, span_from(text, head + 4),
            span_starts(span_from(text, 8), SPAN(" 503")) ? "it says that it can't (503)"
                                                          : "its answer is not 200");
    else
        finish(ask, span_from(text, head + 4), NULL);
}

static void
on_event(struct bufferevent *talk, short what, void *argument)
{
    struct policyd_ask *ask = argument;

    (void)talk;
    if ((what & BEV_EVENT_EOF) != 0)
        read_answer(ask);
    else if ((what & BEV_EVENT_ERROR) != 0)
        fail(ask, strerror(errno));
}

static void
on_read(struct bufferevent *talk, void *argument)
{
    if (evbuffer_get_length(bufferevent_get_input(talk)) > POLICYD_ASK_MAX)
        fail(argument, "its answer is too long");
}

static void
say_request(
    struct bufferevent *talk, const struct socket_address *address, const char *path)
{
    const char *host = address->kind == SOCKET_INET ? host_of(address) : "localhost";
    bool is_v6 = strchr(host, ':') != NULL;

    (void)evbuffer_add_printf(bufferevent_get_output(talk),
        "GET %s HTTP/1.0\r\nHost: %s%s%s:%u\r\nConnection: close\r\n\r\n", path,
        is_v6 ? "[" : "", host, is_v6 ? "]" : "", address->port);
}

struct policyd_ask *
policyd_ask_start(struct event_base *base, const struct socket_address *address,
    const char *path, policyd_ask_done *done, void *argument)
{
    static const struct timeval deadline = {POLICYD_ASK_MS / 1000, 0};
    struct policyd_ask *ask = allocate(sizeof(*ask));
    union any_address target;
    socklen_t length = find_address(address, &target);

    *ask = (struct policyd_ask){.done = done, .argument = argument};
    ask->deadline = allocated(evtimer_new(base, on_deadline, ask));
    ask->failed = allocated(evtimer_new(base, on_failed, ask));
    (void)event_add(ask->deadline, &deadline);
    if (length == 0) {
        (void)snprintf(ask->why, sizeof(ask->why),
            "[policyd] metrics names no address that can be asked");
        event_active(ask->failed, EV_TIMEOUT, 1);
        return ask;
    }
    ask->talk = allocated(bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    bufferevent_setcb(ask->talk, on_read, NULL, on_event, ask);
    say_request(ask->talk, address, path);
    /* Errors are told by on_event, from the loop, which deferred callbacks see to. */
    if (bufferevent_socket_connect(ask->talk, &target.any, (int)length) != 0) {
        bufferevent_setcb(ask->talk, NULL, NULL, NULL, NULL);
        (void)snprintf(ask->why, sizeof(ask->why), "%s", strerror(errno));
        event_active(ask->failed, EV_TIMEOUT, 1);
    } else {
        (void)bufferevent_enable(ask->talk, EV_READ | EV_WRITE);
    }
    return ask;
}
