#include "shared/service/metrics_http.h"

#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/http_page.h"
#include "shared/service/http_request.h"
#include "shared/service/listen.h"
#include "shared/service/log.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CLIENTS_MAX = 64,
    CLIENT_SECONDS = 5,
    BODY_MAX = 16 << 20,
    REST_FACTOR = 19, /* so many times what a page took, nobody gets another one */
    REST_US_MAX = 1000 * 1000,
    PAUSE_MS = 20,
    STALLED_MS = 250,
};

static const char metrics_text[] = "text/plain; version=0.0.4; charset=utf-8";

struct client {
    struct metrics_http *http;
    struct bufferevent *stream;
    struct event *deadline;
    uint64_t serial;
    uint64_t moved_ms; /* when it came, or last took octets of its answer */
    /* What it asked for, until it is its turn. */
    bool waits;
    bool is_head;
    char path[HTTP_PATH_SIZE];
    char query[HTTP_QUERY_SIZE];
    bool answered;
    bool ended; /* the client has closed its side */
};

struct metrics_http {
    struct event_base *base;
    struct socket_address address;
    struct metrics *metrics;
    bool (*healthy)(void *argument, struct buffer *why);
    metrics_http_page *page;
    void *argument;
    struct evconnlistener *listeners[LISTEN_FDS_MAX];
    size_t listener_count;
    struct event *resume;
    struct client *clients[CLIENTS_MAX];
    uint64_t serial;
    struct event *turn; /* the next page is made */
    uint64_t rests_until_us;
    /* The last one, for all who ask for the same until then. */
    struct http_page last;
};

static void
client_free(struct client *client)
{
    struct metrics_http *http = client->http;

    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (http->clients[i] == client)
            http->clients[i] = NULL;
    }
    bufferevent_free(client->stream);
    event_free(client->deadline);
    free(client);
}

static void
answer(struct client *client, const struct http_page *page)
{
    client->waits = false;
    client->answered = true;
    http_page_write(page, client->is_head, bufferevent_get_output(client->stream));
}

static void
refuse(struct client *client, int status, const char *why)
{
    struct http_page page;

    http_page_begin(&page);
    page.status = status;
    (void)evbuffer_add(page.body, why, strlen(why));
    client->is_head = false;
    answer(client, &page);
    http_page_end(&page);
}

static int
write_page(struct metrics_http *http, const char *path, const char *query,
    struct buffer *body, const char **content_type)
{
    if (strcmp(path, "/metrics") == 0) {
        *content_type = metrics_text;
        metrics_write(http->metrics, body);
        return 200;
    }
    if (strcmp(path, "/healthz") == 0) {
        if (http->healthy != NULL && !http->healthy(http->argument, body))
            return 503;
        if (body->length == 0)
            buffer_append_text(body, "ok\n");
        return 200;
    }
    if (http->page == NULL) {
        buffer_append_text(body, "not found (there are /metrics and /healthz)\n");
        return 404;
    }
    return http->page(http->argument, path, query, body, content_type);
}

static void
make_page(struct metrics_http *http, const struct client *client, struct http_page *page)
{
    struct buffer body;

    http_page_begin(page);
    (void)span_copy(span_of(client->path), page->path, sizeof(page->path));
    (void)span_copy(span_of(client->query), page->query, sizeof(page->query));
    buffer_init(&body, BODY_MAX);
    page->status =
        write_page(http, client->path, client->query, &body, &page->content_type);
    if (!buffer_ok(&body)) {
        page->status = 500;
        page->content_type = http_plain_text;
        (void)evbuffer_add_printf(page->body, "the page is too large\n");
    } else if (body.length > 0) {
        (void)evbuffer_add(page->body, body.data, body.length);
    }
    buffer_clear(&body);
}

/* Who has waited longest; NULL: nobody waits. */
static struct client *
next_client(const struct metrics_http *http)
{
    struct client *next = NULL;

    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = http->clients[i];

        if (client != NULL && client->waits &&
            (next == NULL || client->serial < next->serial))
            next = client;
    }
    return next;
}

static bool
wants_last(const struct metrics_http *http, const struct client *client)
{
    return http_page_is_of(&http->last, client->path, client->query);
}

static void
wait_for_turn(struct metrics_http *http)
{
    uint64_t now = clock_now_us();
    uint64_t rest_us = http->rests_until_us > now ? http->rests_until_us - now : 0;
    struct timeval rest = {
        .tv_sec = (time_t)(rest_us / 1000000),
        .tv_usec = (suseconds_t)(rest_us % 1000000),
    };

    (void)event_add(http->turn, &rest);
}

/*
 * One page a turn, for all who want it; then what else this process does has its time: a
 * page of ten thousand domains takes long enough that a few clients that ask again and
 * again would hold up everybody.
 */
static void
on_turn(evutil_socket_t fd, short what, void *argument)
{
    struct metrics_http *http = argument;
    const struct client *first = next_client(http);
    uint64_t begun_us = clock_now_us();
    uint64_t rest_us;

    (void)fd;
    (void)what;
    http_page_end(&http->last);
    if (first == NULL)
        return;
    make_page(http, first, &http->last);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = http->clients[i];

        if (client != NULL && client->waits && wants_last(http, client))
            answer(client, &http->last);
    }
    rest_us = REST_FACTOR * (clock_now_us() - begun_us);
    http->rests_until_us =
        clock_now_us() + (rest_us < REST_US_MAX ? rest_us : REST_US_MAX);
    wait_for_turn(http); /* at least to forget this one */
}

/* The answer comes when it is its turn. */
static void
serve(struct client *client, const struct http_request *request)
{
    client->is_head = span_is(request->method, "HEAD");
    if (request->has_host && !http_host_is_own(request->host, client->http->address.host))
        refuse(client, 421, "this host is not served here\n");
    else if (!client->is_head && !span_is(request->method, "GET"))
        refuse(client, 405, "GET and HEAD alone\n");
    else if (request->has_body)
        refuse(client, 413, "no bodies here\n");
    else if (!span_copy(request->path, client->path, sizeof(client->path)) ||
             !span_copy(request->query, client->query, sizeof(client->query)))
        refuse(client, 404, "not found\n");
    else if (wants_last(client->http, client)) {
        answer(client, &client->http->last);
    } else {
        client->waits = true;
        wait_for_turn(client->http);
    }
}

static void
on_read(struct bufferevent *stream, void *argument)
{
    struct client *client = argument;
    struct evbuffer *in = bufferevent_get_input(stream);
    size_t length = evbuffer_get_length(in);
    struct http_request request;

    /* What comes after the request goes by unseen, so that the answer isn't lost in a
     * reset. */
    if (client->answered || client->waits) {
        (void)evbuffer_drain(in, length);
        return;
    }
    switch (http_request_parse(
        span_make(evbuffer_pullup(in, (ev_ssize_t)length), length), &request)) {
    case HTTP_REQUEST_MORE:
        return;
    case HTTP_REQUEST_BAD:
        refuse(client, 400, "bad request\n");
        break;
    case HTTP_REQUEST_TOO_LARGE:
        refuse(client, 431, "request too large\n");
        break;
    case HTTP_REQUEST_DONE:
        serve(client, &request);
        break;
    }
    (void)evbuffer_drain(in, length);
}

/* All is written: say so, and wait for the client's end. */
static void
on_written(struct bufferevent *stream, void *argument)
{
    struct client *client = argument;

    if (client->ended)
        client_free(client);
    else if (client->answered)
        (void)shutdown(bufferevent_getfd(stream), SHUT_WR);
}

static void
on_end(struct bufferevent *stream, short what, void *argument)
{
    struct client *client = argument;

    /* A client may close its side behind the request and still read. */
    client->ended = true;
    if ((what & BEV_EVENT_EOF) != 0 && client->waits)
        return;
    if ((what & BEV_EVENT_EOF) == 0 || !client->answered ||
        evbuffer_get_length(bufferevent_get_output(stream)) == 0)
        client_free(client);
}

static void
on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *argument)
{
    struct client *client = argument;

    (void)output;
    if (info->n_deleted > 0)
        client->moved_ms = clock_now_ms();
}

static void
on_deadline(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    client_free(argument);
}

static size_t
find_place(const struct metrics_http *http)
{
    size_t place = 0;

    while (place < CLIENTS_MAX && http->clients[place] != NULL)
        place++;
    return place;
}

static void
set_accepting(struct metrics_http *http, bool on)
{
    for (size_t i = 0; i < http->listener_count; i++)
        (void)(on ? evconnlistener_enable : evconnlistener_disable)(http->listeners[i]);
}

/* To try again at once would be a busy loop. */
static void
pause_accepting(struct metrics_http *http)
{
    static const struct timeval pause = {0, (suseconds_t)1000 * PAUSE_MS};

    set_accepting(http, false);
    (void)evtimer_add(http->resume, &pause);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
    int length, void *argument)
{
    struct metrics_http *http = argument;
    struct timeval limit = {.tv_sec = CLIENT_SECONDS};
    size_t place = find_place(http);
    struct client *client = allocate(sizeof(*client));

    (void)listener;
    (void)from;
    (void)length;
    client->http = http;
    client->serial = http->serial++;
    client->moved_ms = clock_now_ms();
    client->stream =
        allocated(bufferevent_socket_new(http->base, fd, BEV_OPT_CLOSE_ON_FREE));
    client->deadline = allocated(evtimer_new(http->base, on_deadline, client));
    http->clients[place] = client;
    (void)evbuffer_add_cb(bufferevent_get_output(client->stream), on_output, client);
    bufferevent_setcb(client->stream, on_read, on_written, on_end, client);
    bufferevent_setwatermark(client->stream, EV_READ, 0, HTTP_REQUEST_MAX);
    (void)bufferevent_enable(client->stream, EV_READ | EV_WRITE);
    (void)evtimer_add(client->deadline, &limit);
    if (find_place(http) == CLIENTS_MAX)
        pause_accepting(http);
}

/* Those who get nothing any more make room; who is being served is not pushed out. */
static void
on_resume(evutil_socket_t fd, short what, void *argument)
{
    struct metrics_http *http = argument;
    uint64_t now = clock_now_ms();

    (void)fd;
    (void)what;
    for (size_t i = 0; i < CLIENTS_MAX && find_place(http) == CLIENTS_MAX; i++) {
        if (now - http->clients[i]->moved_ms >= STALLED_MS)
            client_free(http->clients[i]);
    }
    if (find_place(http) == CLIENTS_MAX)
        pause_accepting(http);
    else
        set_accepting(http, true);
}

/* No descriptors left. */
static void
on_accept_error(struct evconnlistener *listener, void *argument)
{
    (void)listener;
    pause_accepting(argument);
}

static void
add_listener(struct metrics_http *http, int fd)
{
    struct evconnlistener *listener = allocated(evconnlistener_new(http->base, on_accept,
        http, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd));

    evconnlistener_set_error_cb(listener, on_accept_error);
    http->listeners[http->listener_count++] = listener;
}

static struct metrics_http *
http_new(struct event_base *base, const struct socket_address *address,
    struct metrics *metrics, bool (*healthy)(void *argument, struct buffer *why),
    metrics_http_page *page, void *argument)
{
    struct metrics_http *http = allocate(sizeof(*http));

    http->base = base;
    http->address = *address;
    http->metrics = metrics;
    http->healthy = healthy;
    http->page = page;
    http->argument = argument;
    http->resume = allocated(evtimer_new(base, on_resume, http));
    http->turn = allocated(evtimer_new(base, on_turn, http));
    return http;
}

struct metrics_http *
metrics_http_start(struct event_base *base, const struct socket_address *address,
    struct metrics *metrics, bool (*healthy)(void *argument, struct buffer *why),
    metrics_http_page *page, void *argument, struct error *error)
{
    int fds[LISTEN_FDS_MAX];
    size_t count;
    struct metrics_http *http;

    if (!listen_open(address, NULL, fds, &count, error))
        return NULL;
    http = http_new(base, address, metrics, healthy, page, argument);
    for (size_t i = 0; i < count; i++)
        add_listener(http, fds[i]);
    return http;
}

struct metrics_http *
metrics_http_start_on(struct event_base *base, int fd,
    const struct socket_address *address, struct metrics *metrics,
    bool (*healthy)(void *argument, struct buffer *why), metrics_http_page *page,
    void *argument)
{
    struct metrics_http *http = http_new(base, address, metrics, healthy, page, argument);

    add_listener(http, fd);
    return http;
}

void
metrics_http_stop(struct metrics_http *http)
{
    if (http == NULL)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (http->clients[i] != NULL)
            client_free(http->clients[i]);
    }
    for (size_t i = 0; i < http->listener_count; i++)
        evconnlistener_free(http->listeners[i]);
    event_free(http->resume);
    event_free(http->turn);
    http_page_end(&http->last);
    free(http);
}

bool
metrics_http_query(const char *query, const char *name, struct buffer *out)
{
    return http_request_query(span_of(query), span_of(name), out);
}
