#include "policyd/serve/serve_page.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policyd/routing/route_page.h"
#include "policyd/routing/status_page.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum { ADDRESS_MAX = 4096, HOST_MAX = 256, NOTES_MAX = 200 };

struct notes {
    char *items[NOTES_MAX];
    size_t count;
};

static void
keep_note(void *argument, const char *text)
{
    struct notes *notes = argument;

    if (notes->count < NOTES_MAX)
        notes->items[notes->count++] = allocate_text(span_of(text));
}

static int
write_status(const struct serve_context *context, struct buffer *body)
{
    char host[HOST_MAX] = "";
    struct notes notes = {.count = 0};
    struct replica_status status;
    struct status_facts facts;

    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    replica_sync_status(context->sync, &status);
    replica_sync_notes(context->sync, keep_note, &notes);
    facts = (struct status_facts){
        .source = "policyd",
        .version = POSTSHIFT_VERSION,
        .host = host,
        .redis_address = status.redis_address,
        .redis_up = status.redis_up,
        .synced = status.synced,
        .redis_error = status.redis_error,
        .config_file = context->file.path,
        .config_modified = context->file.modified,
        .config_refused = context->file.refused,
        .notes = (const char *const *)notes.items,
        .note_count = notes.count,
        .warning = serve_config_warning(context->config),
    };
    status_page_write(body, &facts, &context->config->route_rules, context->replica);
    for (size_t i = 0; i < notes.count; i++)
        free(notes.items[i]);
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
    if (strcmp(path, "/healthy") == 0) {
        bool is_leaving = farewell_ask(context->farewell, clock_now_ms());

        buffer_append_text(body, is_leaving ? "stopping\n" : "serving\n");
        return is_leaving ? 503 : 200;
    }
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
