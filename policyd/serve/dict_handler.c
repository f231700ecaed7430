#include "policyd/serve/dict_handler.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "policyd/routing/login_decide.h"
#include "policyd/wire/dict_wire.h"
#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/base/json.h"

static const char *const answer_names[] = {
    [LOGIN_TO_OLD] = "old",
    [LOGIN_TO_NEW] = "new",
    [LOGIN_HELD] = "hold",
    [LOGIN_ON_STANDBY] = "standby",
    [LOGIN_NOT_FOUND] = "notfound",
    [LOGIN_LATER] = "fail",
};

/* What a connection has said so far. */
enum stage { STAGE_NEW, STAGE_GREETED };

enum { FIELDS_MAX = 4096 };

struct dict_handler {
    const struct serve_context *context;
    struct buffer fields; /* of the answer at hand */
    struct metrics_series *answered[ARRAY_LENGTH(answer_names)];
};

static enum login_answer
fail(struct buffer *out, const char *why)
{
    dict_wire_write(out, 'F', span_of(why));
    return LOGIN_LATER;
}

static void
send_to(struct dict_handler *handler, const struct login *login, struct buffer *out)
{
    struct json json = json_on(&handler->fields);
    char port[8];

    (void)snprintf(port, sizeof(port), "%u", login->port);
    buffer_reset(&handler->fields);
    json_object_begin(&json, NULL);
    json_text(&json, "proxy", "y");
    json_text(&json, "nopassword", "y");
    json_span(&json, "host", login->host);
    json_text(&json, "port", port);
    json_object_end(&json);
    dict_wire_write(out, 'O', buffer_span(&handler->fields));
}

static void
refuse(struct dict_handler *handler, struct buffer *out)
{
    struct json json = json_on(&handler->fields);

    buffer_reset(&handler->fields);
    json_object_begin(&json, NULL);
    json_text(&json, "nologin", "y");
    json_text(&json, "reason", serve_context_hold_text(handler->context));
    json_text(&json, "nopassword", "y");
    json_object_end(&json);
    dict_wire_write(out, 'O', buffer_span(&handler->fields));
}

static enum login_answer
look_up(struct dict_handler *handler, struct span key, struct buffer *out)
{
    const struct serve_config *config = handler->context->config;
    enum domain_login protocol;
    struct login login;
    struct route route;
    struct span user;
    bool by_pin;

    login_key_parse(key, &protocol, &user);
    by_pin = config->imap_follows == IMAP_FOLLOWS_PIN && !login_follows_route(protocol);
    (by_pin ? route_decide_mailbox : route_decide)(
        &config->route_rules, handler->context->replica, user, time(NULL), &route);
    login_decide(&route, protocol, &login);
    switch (login.answer) {
    case LOGIN_TO_OLD:
    case LOGIN_TO_NEW:
        send_to(handler, &login, out);
        break;
    case LOGIN_HELD:
    case LOGIN_ON_STANDBY:
        refuse(handler, out);
        break;
    case LOGIN_NOT_FOUND:
        dict_wire_write(out, 'N', SPAN(""));
        break;
    case LOGIN_LATER:
        (void)fail(out, login.why);
        break;
    }
    return login.answer;
}

static enum login_answer
answer(
    struct dict_handler *handler, const struct dict_request *request, struct buffer *out)
{
    static const char path[] = "shared/route/";
    struct span key = dict_wire_key(request);

    if (request->command == DICT_ITERATE)
        return fail(out, "only single keys are served");
    if (!span_starts(key, span_of(path)))
        return fail(out, "no such key (shared/route/PROTOCOL/USER)");
    return look_up(handler, span_from(key, sizeof(path) - 1), out);
}

static enum wire_result
serve(void *argument, struct server_client *client, struct span input, size_t *used,
    struct buffer *answers, struct error *error)
{
    struct dict_handler *handler = argument;
    struct dict_request request;
    enum wire_result result = dict_wire_parse(input, &request, used, error);

    if (result != WIRE_DONE)
        return result;
    if ((request.command == DICT_HELLO) != (client->stage == STAGE_NEW)) {
        (void)error_permanent(error, "a hello comes once and first");
        return WIRE_BAD;
    }
    if (request.command == DICT_OTHER) {
        (void)error_permanent(
            error, "command %c: nothing is written here", request.letter);
        return WIRE_BAD;
    }
    if (request.command == DICT_HELLO)
        client->stage = STAGE_GREETED;
    else
        metrics_add(handler->answered[answer(handler, &request, answers)], 1);
    return WIRE_DONE;
}

const struct server_protocol dict_protocol = {
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
    struct dict_handler *handler = allocate(sizeof(*handler));

    handler->context = context;
    buffer_init(&handler->fields, FIELDS_MAX);
    for (size_t i = 0; i < ARRAY_LENGTH(answer_names); i++) {
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
