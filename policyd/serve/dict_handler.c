#include "policyd/serve/dict_handler.h"

#include <stdlib.h>
#include <time.h>

#include "policyd/wire/dict_wire.h"
#include "shared/base/json.h"

enum dict_answer {
    ANSWER_OLD,
    ANSWER_NEW,
    ANSWER_HOLD,
    ANSWER_STANDBY,
    ANSWER_NOTFOUND,
    ANSWER_FAIL,
    DICT_ANSWERS,
};

static const char *const answer_names[DICT_ANSWERS] = {
    [ANSWER_OLD] = "old",
    [ANSWER_NEW] = "new",
    [ANSWER_HOLD] = "hold",
    [ANSWER_STANDBY] = "standby",
    [ANSWER_NOTFOUND] = "notfound",
    [ANSWER_FAIL] = "fail",
};

/* What a connection has said so far. */
enum stage { STAGE_NEW, STAGE_GREETED };

enum { FIELDS_MAX = 4096 };

struct dict_handler {
    const struct serve_context *context;
    struct buffer fields; /* of the answer at hand */
    struct metrics_series *answered[DICT_ANSWERS];
};

static enum dict_answer
fail(struct buffer *out, const char *why)
{
    dict_wire_write(out, 'F', span_of(why));
    return ANSWER_FAIL;
}

/* host:port or [address]:port */
static bool
split_address(const char *address, struct span *host, struct span *port)
{
    struct span text = span_of(address);
    size_t colon = span_find_last(text, ':');

    if (colon == SPAN_NONE)
        return false;
    *host = span_first(text, colon);
    *port = span_from(text, colon + 1);
    if (host->length > 2 && host->data[0] == '[' && host->data[host->length - 1] == ']')
        *host = span_first(span_from(*host, 1), host->length - 2);
    return host->length > 0 && port->length > 0;
}

static enum dict_answer
send_to(struct dict_handler *handler, const char *address, enum dict_answer answer,
    struct buffer *out)
{
    struct json json = json_on(&handler->fields);
    struct span host;
    struct span port;

    if (!split_address(address, &host, &port))
        return fail(out, answer == ANSWER_OLD ? "the domain has no imap_old"
                                              : "the domain has no imap_new");
    buffer_reset(&handler->fields);
    json_object_begin(&json, NULL);
    json_text(&json, "proxy", "y");
    json_text(&json, "nopassword", "y");
    json_span(&json, "host", host);
    json_span(&json, "port", port);
    json_object_end(&json);
    dict_wire_write(out, 'O', buffer_span(&handler->fields));
    return answer;
}

static enum dict_answer
refuse(struct dict_handler *handler, const char *reason, enum dict_answer answer,
    struct buffer *out)
{
    struct json json = json_on(&handler->fields);

    buffer_reset(&handler->fields);
    json_object_begin(&json, NULL);
    json_text(&json, "nologin", "y");
    json_text(&json, "reason", reason);
    json_text(&json, "nopassword", "y");
    json_object_end(&json);
    dict_wire_write(out, 'O', buffer_span(&handler->fields));
    return answer;
}

static enum dict_answer
look_up(struct dict_handler *handler, struct span user, struct buffer *out)
{
    const struct serve_config *config = handler->context->config;
    struct route route;

    (config->imap_follows == IMAP_FOLLOWS_PIN ? route_decide_mailbox : route_decide)(
        &config->route_rules, handler->context->replica, user, time(NULL), &route);
    switch (route.place) {
    case ROUTE_OLD:
        return send_to(handler, route.state->imap_old, ANSWER_OLD, out);
    case ROUTE_NEW:
        return send_to(handler, route.state->imap_new, ANSWER_NEW, out);
    case ROUTE_STANDBY:
        return refuse(handler, config->hold_text, ANSWER_STANDBY, out);
    case ROUTE_HOLD:
        return refuse(handler, config->hold_text, ANSWER_HOLD, out);
    case ROUTE_UNKNOWN:
        return fail(out, "where this mailbox is can't be told right now");
    case ROUTE_NOT_OURS:
        break;
    }
    dict_wire_write(out, 'N', SPAN(""));
    return ANSWER_NOTFOUND;
}

static enum dict_answer
answer(
    struct dict_handler *handler, const struct dict_request *request, struct buffer *out)
{
    static const char path[] = "shared/route/";
    struct span key = dict_wire_key(request);

    if (request->command == DICT_ITERATE)
        return fail(out, "only single keys are served");
    if (!span_starts(key, span_of(path)))
        return fail(out, "no such key (shared/route/USER)");
    return look_up(handler, span_from(key, sizeof(path) - 1), out);
}

static enum wire_result
serve(void *argument, struct span input, size_t *used, unsigned *stage,
    struct buffer *answers, struct error *error)
{
    struct dict_handler *handler = argument;
    struct dict_request request;
    enum wire_result result = dict_wire_parse(input, &request, used, error);

    if (result != WIRE_DONE)
        return result;
    if ((request.command == DICT_HELLO) != (*stage == STAGE_NEW)) {
        (void)error_permanent(error, "a hello comes once and first");
        return WIRE_BAD;
    }
    if (request.command == DICT_OTHER) {
        (void)error_permanent(
            error, "command %c: nothing is written here", request.letter);
        return WIRE_BAD;
    }
    if (request.command == DICT_HELLO)
        *stage = STAGE_GREETED;
    else
        metrics_add(handler->answered[answer(handler, &request, answers)], 1);
    return WIRE_DONE;
}

const struct client_protocol dict_protocol = {
    .name = "dict",
    .request_ms = 10000,
    .idle_ms = 60000,
    .request_max = DICT_LINE_MAX,
    .last_octet = '\n',
    .serve = serve,
};

struct dict_handler *
dict_handler_new(const struct serve_context *context)
{
    struct dict_handler *handler = calloc(1, sizeof(*handler));

    if (handler == NULL)
        abort();
    handler->context = context;
    buffer_init(&handler->fields, FIELDS_MAX);
    for (int i = 0; i < DICT_ANSWERS; i++) {
        const char *labels[] = {dict_protocol.name, answer_names[i]};

        handler->answered[i] =
            metrics_series(context->metrics, "policyd_requests_total", labels);
    }
    return handler;
}

void
dict_handler_free(struct dict_handler *handler)
{
    if (handler == NULL)
        return;
    buffer_clear(&handler->fields);
    free(handler);
}
