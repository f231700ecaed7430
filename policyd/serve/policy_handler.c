#include "policyd/serve/policy_handler.h"

#include <stdlib.h>
#include <time.h>

#include "policyd/routing/policy_decide.h"
#include "policyd/routing/policy_instances.h"
#include "policyd/wire/policy_wire.h"
#include "shared/base/allocate.h"
#include "shared/service/log_limit.h"

struct policy_handler {
    const struct serve_context *context;
    struct policy_instances *instances;
    struct metrics_series *answered[POLICY_ANSWERS];
    struct log_limit loops;
};

/* A request without an instance is one that we know nothing of. */
static bool
is_fixed_elsewhere(struct policy_handler *handler, const struct policy_request *request,
    const struct route *route)
{
    bool accepted = request->queue_id.length > 0;
    /* What the site's own maps decide gets no FILTER, whoever's it is. */
    struct span backend = route->at_site ? SPAN("") : span_of(route->nexthop);

    if (route->place == ROUTE_HOLD || route->place == ROUTE_UNKNOWN)
        return false;
    if (request->instance.length == 0)
        return accepted;
    return !policy_instances_bind(
        handler->instances, request->instance, accepted, backend);
}

static void
log_loop(struct policy_handler *handler, const struct policy_request *request,
    const struct route *route)
{
    if (log_limit_may(&handler->loops))
        log_warning("loop", log_span("client", span_first(request->client_address, 64)),
            log_address("to", recipient_address(&route->recipient)),
            log_text("backend", route_place_name(route->place)),
            log_limit_field(&handler->loops),
            log_note("from the backend that it is routed to, deferred"));
}

static struct policy_verdict
decide(struct policy_handler *handler, const struct policy_request *request)
{
    const struct serve_config *config = handler->context->config;
    const struct policy_rules rules = {
        .hold_at_smtp = config->hold_at == HOLD_AT_SMTP,
        .filter = config->routing == ROUTING_FILTER,
        .hold_text = serve_context_hold_text(handler->context),
    };
    int64_t now = time(NULL);
    struct route route;
    struct policy_facts facts = {.route = &route};
    struct policy_verdict verdict;

    route_decide(
        &config->route_rules, handler->context->replica, request->recipient, now, &route);
    facts.from_old = network_list_has(&config->old_networks, request->client_address);
    facts.from_new = network_list_has(&config->new_networks, request->client_address);
    facts.fixed_elsewhere = rules.filter && is_fixed_elsewhere(handler, request, &route);
    verdict = policy_decide(&rules, &facts);
    if (verdict.answer == POLICY_LOOP)
        log_loop(handler, request, &route);
    /* The nexthop lives in the replica, all else in the configuration. */
    return verdict;
}

static enum wire_result
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is the protocol's */
serve(void *argument, struct server_client *client, struct span input, size_t *used,
    struct buffer *answers, struct error *error)
{
    struct policy_handler *handler = argument;
    struct policy_verdict verdict = {POLICY_DUNNO, SPAN("DUNNO"), SPAN("")};
    struct policy_request request;
    enum wire_result result = policy_wire_parse(input, &request, used, error);

    (void)client;
    if (result != WIRE_DONE)
        return result;
    if (span_equal(request.protocol_state, SPAN("RCPT")))
        verdict = decide(handler, &request);
    policy_wire_write(answers, verdict.action, verdict.text);
    metrics_add(handler->answered[verdict.answer], 1);
    return WIRE_DONE;
}

const struct server_protocol policy_protocol = {
    .name = "policy",
    .request_ms = 10000,
    .idle_ms = 330000,
    .request_max = POLICY_REQUEST_MAX,
    .last_octet = '\n',
    .serve = serve,
};

struct policy_handler *
policy_handler_new(const struct serve_context *context)
{
    struct policy_handler *handler = allocate(sizeof(*handler));

    handler->context = context;
    handler->instances = policy_instances_new();
    for (int i = 0; i < POLICY_ANSWERS; i++) {
        const char *labels[] = {
            policy_protocol.name, policy_answer_name((enum policy_answer)i)};

        handler->answered[i] =
            metrics_series(context->metrics, "policyd_requests_total", labels);
    }
    return handler;
}

void
policy_handler_free(struct policy_handler *handler)
{
    if (handler == NULL)
        return;
    policy_instances_free(handler->instances);
    free(handler);
}
