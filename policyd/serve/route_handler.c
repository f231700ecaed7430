#include "policyd/serve/route_handler.h"

#include <stdlib.h>
#include <time.h>

#include "policyd/serve/line_limit.h"
#include "policyd/wire/socketmap_wire.h"

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
    struct line_limit unknown_maps;
};

/* What a map's name leaves out: the place that the asker itself is. */
static const struct view {
    const char *name;
    size_t length;
    enum route_place at_home; /* ROUTE_NOT_OURS: nowhere */
} views[] = {
    {"transport", 9, ROUTE_NOT_OURS},
    {"from-old",  8, ROUTE_OLD     },
    {"from-new",  8, ROUTE_NEW     },
};

static const struct view *
find_view(struct span name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(views); i++) {
        if (span_equal(name, span_make(views[i].name, views[i].length)))
            return &views[i];
    }
    return NULL;
}

static enum route_answer
not_found(struct buffer *out)
{
    socketmap_wire_write(out, SPAN("NOTFOUND"), SPAN(""), SPAN(""));
    return ANSWER_NOTFOUND;
}

static enum route_answer
try_later(struct buffer *out, const char *why)
{
    socketmap_wire_write(out, SPAN("TEMP"), span_of(why), SPAN(""));
    return ANSWER_TEMP;
}

static const char *
why_unknown(enum route_reason reason)
{
    if (reason == ROUTE_REASON_NOT_LOADED)
        return "neither Redis nor a snapshot has been read yet";
    if (reason == ROUTE_REASON_BAD_PIN)
        return "the pin of this recipient says nothing usable";
    if (reason == ROUTE_REASON_NO_STANDBY)
        return "the domain has no standby";
    return "the domain has no good state yet";
}

static enum route_answer
write_route(const struct serve_config *config, const struct view *view,
    const struct route *route, struct buffer *out)
{
    static const enum route_answer answers[] = {[ROUTE_OLD] = ANSWER_OLD,
        [ROUTE_NEW] = ANSWER_NEW,
        [ROUTE_STANDBY] = ANSWER_STANDBY};

    switch (route->place) {
    case ROUTE_NOT_OURS:
        return not_found(out);
    case ROUTE_UNKNOWN:
        return try_later(out, why_unknown(route->reason));
    case ROUTE_HOLD:
        socketmap_wire_write(
            out, SPAN("OK"), SPAN("retry:4.2.1 "), span_of(config->hold_text));
        return ANSWER_HOLD;
    case ROUTE_OLD:
    case ROUTE_NEW:
    case ROUTE_STANDBY:
        break;
    }
    if (route->place == view->at_home)
        return not_found(out);
    socketmap_wire_write(out, SPAN("OK"), span_of(route->nexthop), SPAN(""));
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
    if (line_limit_may(&handler->unknown_maps))
        log_warning("route", log_span("map", span_first(name, 64)),
            line_limit_field(&handler->unknown_maps),
            log_note("unknown map name, answered TEMP (transport from-old from-new)"));
    return try_later(out, "unknown map name (transport from-old from-new)");
}

static enum route_answer
answer(struct route_handler *handler, const struct socketmap_request *request,
    struct buffer *out)
{
    const struct serve_config *config = handler->context->config;
    const struct view *view = find_view(request->name);
    struct route route;

    if (view == NULL)
        return unknown_map(handler, request->name, out);
    /* Postfix would keep an answer to this one for 30 s and use it for everybody. */
    if (span_equal(request->key, SPAN("*")))
        return not_found(out);
    route_decide(&config->route_rules, handler->context->replica, request->key,
        time(NULL), &route);
    if (config->log_routes)
        log_route(&route);
    return write_route(config, view, &route, out);
}

static enum wire_result
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is the protocol's */
serve(void *argument, struct span input, size_t *used, unsigned *stage,
    struct buffer *answers, struct error *error)
{
    struct route_handler *handler = argument;
    struct socketmap_request request;
    enum wire_result result = socketmap_wire_parse(input, &request, used, error);

    (void)stage;
    if (result == WIRE_DONE)
        metrics_add(handler->answered[answer(handler, &request, answers)], 1);
    return result;
}

const struct client_protocol route_protocol = {
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
    struct route_handler *handler = calloc(1, sizeof(*handler));

    if (handler == NULL)
        abort();
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
