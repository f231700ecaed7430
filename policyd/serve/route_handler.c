#include "policyd/serve/route_handler.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "policyd/routing/route_view.h"
#include "policyd/wire/socketmap_wire.h"
#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/service/log_limit.h"

enum route_answer {
    ANSWER_OLD,
    ANSWER_NEW,
    ANSWER_STANDBY,
    ANSWER_HOLD,
    ANSWER_NOTFOUND,
    ANSWER_TEMP,
    ROUTE_ANSWERS,
};

static const char *const answer_names[ROUTE_ANSWERS] = {
    [ANSWER_OLD] = "old",
    [ANSWER_NEW] = "new",
    [ANSWER_STANDBY] = "standby",
    [ANSWER_HOLD] = "hold",
    [ANSWER_NOTFOUND] = "notfound",
    [ANSWER_TEMP] = "temp",
};

struct route_handler {
    const struct serve_context *context;
    struct metrics_series *answered[ROUTE_ANSWERS];
    struct log_limit unknown_maps;
};

static void
try_later(struct buffer *out, struct span why)
{
    socketmap_wire_write(out, SPAN("TEMP"), why, SPAN(""));
}

static void
not_found(struct buffer *out)
{
    socketmap_wire_write(out, SPAN("NOTFOUND"), SPAN(""), SPAN(""));
}

static enum route_answer
write_route(const struct serve_context *context, const struct route_view *view,
    const struct route *route, struct buffer *out)
{
    static const enum route_answer answers[] = {[ROUTE_OLD] = ANSWER_OLD,
        [ROUTE_NEW] = ANSWER_NEW,
        [ROUTE_STANDBY] = ANSWER_STANDBY,
        [ROUTE_HOLD] = ANSWER_HOLD};
    struct route_view_answer said =
        route_view_answer(view, route, serve_context_hold_text(context));

    switch (said.status) {
    case VIEW_TEMP:
        try_later(out, said.text);
        return ANSWER_TEMP;
    case VIEW_NOTFOUND:
        not_found(out);
        /* On old=site the site's own maps answer, but it is a route to old. */
        return route->at_site ? ANSWER_OLD : ANSWER_NOTFOUND;
    case VIEW_OK:
        break;
    }
    assert(route->place < ARRAY_LENGTH(answers));
    socketmap_wire_write(out, SPAN("OK"), said.text, said.rest);
    return answers[route->place];
}

static void
log_route(const struct route *route)
{
    bool has_bucket = route->reason == ROUTE_REASON_BUCKET;

    if (route->place == ROUTE_NOT_OURS)
        return;
    log_info("route", log_address("to", recipient_address(&route->recipient)),
        log_text("backend", route_place_name(route->place)),
        log_text("reason", route_reason_name(route->reason)),
        has_bucket ? log_number("bucket", route->bucket) : log_nothing(),
        has_bucket ? log_hundredths("weight", route->weight) : log_nothing(),
        route->nexthop[0] != '\0' ? log_text("nexthop", route->nexthop) : log_nothing());
}

static enum route_answer
unknown_map(struct route_handler *handler, struct span name, struct buffer *out)
{
    if (log_limit_may(&handler->unknown_maps))
        log_warning("route", log_span("map", span_first(name, 64)),
            log_limit_field(&handler->unknown_maps),
            log_note(
                "unknown map name, answered TEMP (transport verify from-old from-new)"));
    try_later(out, SPAN("unknown map name (transport verify from-old from-new)"));
    return ANSWER_TEMP;
}

static enum route_answer
answer(struct route_handler *handler, const struct socketmap_request *request,
    struct buffer *out)
{
    const struct serve_config *config = handler->context->config;
    const struct route_view *view = route_view_find(request->name);
    struct route route;

    if (view == NULL)
        return unknown_map(handler, request->name, out);
    /* Postfix would keep an answer to this one for 30 s and use it for everybody. */
    if (span_equal(request->key, SPAN("*"))) {
        not_found(out);
        return ANSWER_NOTFOUND;
    }
    route_decide(&config->route_rules, handler->context->replica, request->key,
        time(NULL), &route);
    if (config->log_routes)
        log_route(&route);
    return write_route(handler->context, view, &route, out);
}

static enum wire_result
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is the protocol's */
serve(void *argument, struct server_client *client, struct span input, size_t *used,
    struct buffer *answers, struct error *error)
{
    struct route_handler *handler = argument;
    struct socketmap_request request;
    enum wire_result result = socketmap_wire_parse(input, &request, used, error);

    (void)client;
    if (result == WIRE_DONE)
        metrics_add(handler->answered[answer(handler, &request, answers)], 1);
    return result;
}

const struct server_protocol route_protocol = {
    .name = "route",
    .request_ms = 10000,
    .idle_ms = 30000,
    .request_max = SOCKETMAP_REQUEST_MAX + sizeof("100000:,"),
    .last_octet = ',',
    .serve = serve,
};

struct route_handler *
route_handler_new(const struct serve_context *context)
{
    struct route_handler *handler = allocate(sizeof(*handler));

    handler->context = context;
    for (int i = 0; i < ROUTE_ANSWERS; i++) {
        const char *labels[] = {route_protocol.name, answer_names[i]};

        handler->answered[i] =
            metrics_series(context->metrics, "policyd_requests_total", labels);
    }
    return handler;
}

void
route_handler_free(struct route_handler *handler)
{
    free(handler);
}
