#include "policyd/serve/serve_page.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policyd/routing/route_page.h"
#include "policyd/routing/status_page.h"

enum { ADDRESS_MAX = 4096, HOST_MAX = 256 };

static int
write_status(const struct serve_context *context, struct buffer *body)
{
    char host[HOST_MAX] = "";
    struct status_facts facts = {
        .source = "policyd",
        .version = POSTSHIFT_VERSION,
        .host = host,
        .redis_address = "",
    };

    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    status_page_write(body, &facts, &context->config->route_rules, context->replica);
    return 200;
}

static int
write_route(const struct serve_context *context, const char *query, struct buffer *body)
{
    struct buffer address;
    struct route route;
    int status = 400;

    buffer_init(&address, ADDRESS_MAX);
    if (metrics_http_query(query, "address", &address)) {
        route_decide(&context->config->route_rules, context->replica,
            buffer_span(&address), time(NULL), &route);
        route_page_write(body, "policyd", buffer_span(&address), &route);
        status = 200;
    } else {
        buffer_append_text(body, "{\"error\": \"address= is missing\"}\n");
    }
    buffer_clear(&address);
    return status;
}

int
serve_page(void *argument, const char *path, const char *query, struct buffer *body,
    const char **content_type)
{
    const struct serve_context *context = argument;

    *content_type = "application/json";
    if (strcmp(path, "/status.json") == 0)
        return write_status(context, body);
    if (strcmp(path, "/route.json") == 0)
        return write_route(context, query, body);
    *content_type = "text/plain";
    return 404;
}

bool
serve_page_healthy(void *argument, struct buffer *why)
{
    const struct serve_context *context = argument;

    if (replica_is_loaded(context->replica))
        return true;
    buffer_append_text(why, "neither Redis nor a snapshot has been read yet");
    return false;
}
