#include "shared/service/metrics_http.h"

#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/http_page.h"
#include "shared/service/http_request.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLIENTS_MAX = 64,
    CLIENT_MS = 5000,
    SPARED_MS = 250,
    BODY_MAX = 16 << 20,
    REST_FACTOR = 19, /* so many times what a page took, nobody gets another one */
    REST_US_MAX = 1000 * 1000,
};

static const char metrics_text[] = "text/plain; version=0.0.4; charset=utf-8";

/* Whose page is made when it is its turn. */
struct waiting {
    TAILQ_ENTRY(waiting) entry;
    struct metrics_http *http;
    struct server_client *client;
    bool is_head;
    char path[HTTP_PATH_SIZE];
    char query[HTTP_QUERY_SIZE];
};

struct metrics_http {
    struct socket_address address;
    struct metrics *metrics;
    bool (*healthy)(void *argument, struct buffer *why);
    metrics_http_page *page;
    void *argument;
    struct server *server;
    TAILQ_HEAD(, waiting) waiting; /* in the order they came */
    struct event *turn;            /* the next page is made */
    uint64_t rests_until_us;
    struct http_page last; /* for all who ask for the same until then */
};

static void
refuse(struct server_client *client, int status, const char *why)
{
    struct http_page page;

    http_page_begin(&page);
    page.status = status;
    (void)evbuffer_add(page.body, why, strlen(why));
    http_page_write(&page, false, server_client_output(client));
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
make_page(struct metrics_http *http, const struct waiting *first, struct http_page *page)
{
    struct buffer body;

    http_page_begin(page);
    (void)span_copy(span_of(first->path), page->path, sizeof(page->path));
    (void)span_copy(span_of(first->query), page->query, sizeof(page->query));
    buffer_init(&body, BODY_MAX);
    page->status =
        write_page(http, first->path, first->query, &body, &page->content_type);
    if (!buffer_ok(&body)) {
        page->status = 500;
        page->content_type = http_plain_text;
        (void)evbuffer_add_printf(page->body, "the page is too large\n");
    } else if (body.length > 0) {
        (void)evbuffer_add(page->body, body.data, body.length);
    }
    buffer_clear(&body);
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

static void
forget(void *argument)
{
    struct waiting *waiting = argument;

    TAILQ_REMOVE(&waiting->http->waiting, waiting, entry);
    free(waiting);
}

static void
answer_all_of_last(struct metrics_http *http)
{
    struct waiting *waiting = TAILQ_FIRST(&http->waiting);

    while (waiting != NULL) {
        struct waiting *next = TAILQ_NEXT(waiting, entry);

        if (http_page_is_of(
                &http->last, span_of(waiting->path), span_of(waiting->query))) {
            http_page_write(
                &http->last, waiting->is_head, server_client_output(waiting->client));
            server_client_go_on(waiting->client);
            forget(waiting);
        }
        waiting = next;
    }
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
    uint64_t begun_us = clock_now_us();
    uint64_t rest_us;

    (void)fd;
    (void)what;
    http_page_end(&http->last);
    if (TAILQ_EMPTY(&http->waiting))
        return;
    make_page(http, TAILQ_FIRST(&http->waiting), &http->last);
    answer_all_of_last(http);
    rest_us = REST_FACTOR * (clock_now_us() - begun_us);
    http->rests_until_us =
        clock_now_us() + (rest_us < REST_US_MAX ? rest_us : REST_US_MAX);
    wait_for_turn(http); /* at least to forget this one */
}

static void
wait_for_page(struct metrics_http *http, struct server_client *client,
    const struct http_request *request, bool is_head)
{
    struct waiting *waiting = allocate(sizeof(*waiting));

    waiting->http = http;
    waiting->client = client;
    waiting->is_head = is_head;
    (void)span_copy(request->path, waiting->path, sizeof(waiting->path));
    (void)span_copy(request->query, waiting->query, sizeof(waiting->query));
    TAILQ_INSERT_TAIL(&http->waiting, waiting, entry);
    client->waiting = waiting;
    wait_for_turn(http);
}

static void
answer(struct metrics_http *http, struct server_client *client,
    const struct http_request *request)
{
    bool is_head = span_is(request->method, "HEAD");

    if (request->has_host && !http_host_is_own(request->host, http->address.host))
        refuse(client, 421, "this host is not served here\n");
    else if (!is_head && !span_is(request->method, "GET"))
        refuse(client, 405, "GET and HEAD alone\n");
    else if (request->has_body)
        refuse(client, 413, "no bodies here\n");
    else if (request->path.length >= HTTP_PATH_SIZE ||
             request->query.length >= HTTP_QUERY_SIZE)
        refuse(client, 404, "not found\n");
    else if (http_page_is_of(&http->last, request->path, request->query))
        http_page_write(&http->last, is_head, server_client_output(client));
    else
        wait_for_page(http, client, request, is_head);
}

static enum wire_result
serve(void *argument, struct server_client *client, struct span input, size_t *used,
    struct buffer *answers, struct error *error)
{
    struct http_request request;

    (void)answers;
    (void)error;
    switch (http_request_parse(input, &request)) {
    case HTTP_REQUEST_MORE:
        return WIRE_MORE;
    case HTTP_REQUEST_BAD:
        refuse(client, 400, "bad request\n");
        break;
    case HTTP_REQUEST_TOO_LARGE:
        refuse(client, 431, "request too large\n");
        break;
    case HTTP_REQUEST_DONE:
        answer(argument, client, &request);
        break;
    }
    *used = input.length;
    client->is_last = true;
    return WIRE_DONE;
}

struct metrics_http *
metrics_http_new(struct event_base *base, const struct socket_address *address,
    struct metrics *metrics, bool (*healthy)(void *argument, struct buffer *why),
    metrics_http_page *page, void *argument)
{
    static const struct server_protocol protocol = {
        .name = "metrics",
        .request_ms = CLIENT_MS,
        .request_max = HTTP_REQUEST_MAX,
        .last_octet = '\n',
        .spared_ms = SPARED_MS,
        .is_quiet = true,
        .serve = serve,
        .give_up = forget,
    };
    struct metrics_http *http = allocate(sizeof(*http));

    http->address = *address;
    http->metrics = metrics;
    http->healthy = healthy;
    http->page = page;
    http->argument = argument;
    http->server = server_new(base, &protocol, http, CLIENTS_MAX, NULL);
    http->turn = allocated(evtimer_new(base, on_turn, http));
    TAILQ_INIT(&http->waiting);
    return http;
}

void
metrics_http_free(struct metrics_http *http)
{
    if (http == NULL)
        return;
    server_free(http->server);
    event_free(http->turn);
    http_page_end(&http->last);
    free(http);
}

struct server *
metrics_http_server(struct metrics_http *http)
{
    return http->server;
}

bool
metrics_http_query(const char *query, const char *name, struct buffer *out)
{
    return http_request_query(span_of(query), span_of(name), out);
}
