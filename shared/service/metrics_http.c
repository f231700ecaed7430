#include "shared/service/metrics_http.h"

#include "shared/base/network.h"
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

enum { CLIENTS_MAX = 64, CLIENT_SECONDS = 5, BODY_MAX = 16 << 20, HOST_NAME_SIZE = 256 };

static const char plain_text[] = "text/plain; charset=utf-8";
static const char metrics_text[] = "text/plain; version=0.0.4; charset=utf-8";

struct client {
    struct metrics_http *http;
    struct bufferevent *stream;
    struct event *deadline;
    uint64_t serial;
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
    char host_name[HOST_NAME_SIZE];
    struct client *clients[CLIENTS_MAX];
    uint64_t serial;
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

static bool
is_address_in(struct span host, const char *const *networks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct network network;

        if (network_parse(span_of(networks[i]), &network) && network_has(&network, host))
            return true;
    }
    return false;
}

/* A page of the web can make a browser ask us by a name that was bound to our address:
 * then Host has that name.  Our own names and addresses can't be had that way. */
static bool
is_own_host(const struct metrics_http *http, struct span host)
{
    static const char *const names[] = {
        "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"};
    static const char *const loopback[] = {"127.0.0.0/8", "::1"};
    static const char *const all[] = {"0.0.0.0/0", "::/0"};
    const char *listening = http->address.host;
    bool on_any = strcmp(listening, "*") == 0 || strcmp(listening, "0.0.0.0") == 0 ||
                  strcmp(listening, "::") == 0;

    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (span_is_nocase(host, names[i]))
            return true;
    }
    return is_address_in(host, loopback, ARRAY_LENGTH(loopback)) ||
           (on_any && is_address_in(host, all, ARRAY_LENGTH(all))) ||
           span_is_nocase(host, listening) || span_is_nocase(host, http->host_name);
}

static const char *
reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"                             },
        {400, "Bad Request"                    },
        {404, "Not Found"                      },
        {405, "Method Not Allowed"             },
        {413, "Content Too Large"              },
        {421, "Misdirected Request"            },
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"          },
        {503, "Service Unavailable"            },
    };

    for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "See Status";
}

static void
answer(struct client *client, int status, const char *content_type, struct span body,
    bool with_body)
{
    struct evbuffer *out = bufferevent_get_output(client->stream);

    client->answered = true;
    (void)evbuffer_add_printf(out,
        "HTTP/1.1 %d %s\r\n"
        "Content-Type: %s\r\n"
        "Content-Length: %zu\r\n"
        "Connection: close\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "Referrer-Policy: no-referrer\r\n"
        "Content-Security-Policy: default-src 'none'; script-src 'self'; "
        "style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
        "%s\r\n",
        status, reason_of(status), content_type, body.length,
        status == 405 ? "Allow: GET, HEAD\r\n" : "");
    if (with_body && body.length > 0)
        (void)evbuffer_add(out, body.data, body.length);
}

static void
refuse(struct client *client, int status, const char *why)
{
    answer(client, status, plain_text, span_of(why), true);
}

static int
make_page(struct metrics_http *http, const struct http_request *request,
    struct buffer *body, const char **content_type)
{
    struct buffer path;
    struct buffer query;
    int status = 404;

    if (span_is(request->path, "/metrics")) {
        *content_type = metrics_text;
        metrics_write(http->metrics, body);
        return 200;
    }
    if (span_is(request->path, "/healthz")) {
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
    buffer_init(&path, HTTP_REQUEST_MAX);
    buffer_init(&query, HTTP_REQUEST_MAX);
    buffer_append(&path, request->path);
    buffer_append(&query, request->query);
    status = http->page(
        http->argument, buffer_text(&path), buffer_text(&query), body, content_type);
    buffer_clear(&path);
    buffer_clear(&query);
    return status;
}

static void
serve(struct client *client, const struct http_request *request)
{
    bool is_head = span_is(request->method, "HEAD");
    const char *content_type = plain_text;
    struct buffer body;
    int status;

    if (request->has_host && !is_own_host(client->http, request->host)) {
        refuse(client, 421, "this host is not served here\n");
        return;
    }
    if (!is_head && !span_is(request->method, "GET")) {
        refuse(client, 405, "GET and HEAD alone\n");
        return;
    }
    if (request->has_body) {
        refuse(client, 413, "no bodies here\n");
        return;
    }
    buffer_init(&body, BODY_MAX);
    status = make_page(client->http, request, &body, &content_type);
    if (buffer_ok(&body))
        answer(client, status, content_type, buffer_span(&body), !is_head);
    else
        refuse(client, 500, "the page is too large\n");
    buffer_clear(&body);
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
    if (client->answered) {
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
    if ((what & BEV_EVENT_EOF) == 0 || !client->answered ||
        evbuffer_get_length(bufferevent_get_output(stream)) == 0)
        client_free(client);
}

static void
on_deadline(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    client_free(argument);
}

/* A free place; where there is none, that of the client who has had it longest. */
static size_t
find_place(struct metrics_http *http)
{
    size_t oldest = 0;

    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (http->clients[i] == NULL)
            return i;
        if (http->clients[i]->serial < http->clients[oldest]->serial)
            oldest = i;
    }
    client_free(http->clients[oldest]);
    return oldest;
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
    int length, void *argument)
{
    struct metrics_http *http = argument;
    struct timeval limit = {.tv_sec = CLIENT_SECONDS};
    size_t place = find_place(http);
    struct client *client = calloc(1, sizeof(*client));

    (void)listener;
    (void)from;
    (void)length;
    if (client == NULL)
        abort();
    client->http = http;
    client->serial = http->serial++;
    client->stream = bufferevent_socket_new(http->base, fd, BEV_OPT_CLOSE_ON_FREE);
    client->deadline = evtimer_new(http->base, on_deadline, client);
    if (client->stream == NULL || client->deadline == NULL)
        abort();
    http->clients[place] = client;
    bufferevent_setcb(client->stream, on_read, on_written, on_end, client);
    bufferevent_setwatermark(client->stream, EV_READ, 0, HTTP_REQUEST_MAX);
    (void)bufferevent_enable(client->stream, EV_READ | EV_WRITE);
    (void)evtimer_add(client->deadline, &limit);
}

static void
on_resume(evutil_socket_t fd, short what, void *argument)
{
    const struct metrics_http *http = argument;

    (void)fd;
    (void)what;
    for (size_t i = 0; i < http->listener_count; i++)
        (void)evconnlistener_enable(http->listeners[i]);
}

/* No descriptors left: to try again at once would be a busy loop. */
static void
on_accept_error(struct evconnlistener *listener, void *argument)
{
    struct metrics_http *http = argument;
    struct timeval pause = {.tv_sec = 1};

    (void)evconnlistener_disable(listener);
    (void)evtimer_add(http->resume, &pause);
}

static void
add_listener(struct metrics_http *http, int fd)
{
    struct evconnlistener *listener = evconnlistener_new(http->base, on_accept, http,
        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);

    if (listener == NULL)
        abort();
    evconnlistener_set_error_cb(listener, on_accept_error);
    http->listeners[http->listener_count++] = listener;
}

static struct metrics_http *
http_new(struct event_base *base, const struct socket_address *address,
    struct metrics *metrics, bool (*healthy)(void *argument, struct buffer *why),
    metrics_http_page *page, void *argument)
{
    struct metrics_http *http = calloc(1, sizeof(*http));

    if (http == NULL)
        abort();
    http->base = base;
    http->address = *address;
    http->metrics = metrics;
    http->healthy = healthy;
    http->page = page;
    http->argument = argument;
    http->resume = evtimer_new(base, on_resume, http);
    if (http->resume == NULL)
        abort();
    if (gethostname(http->host_name, sizeof(http->host_name) - 1) != 0)
        http->host_name[0] = '\0';
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
    free(http);
}

bool
metrics_http_query(const char *query, const char *name, struct buffer *out)
{
    return http_request_query(span_of(query), span_of(name), out);
}
