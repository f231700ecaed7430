#include "policyd/cutover/gateway_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/gateways/gateway_row.h"
#include "shared/base/allocate.h"
#include "shared/service/log.h"

enum { SENTENCE_MAX = 1000 };

struct gateway_watch {
    const struct plan_context *context;
    char differ[SENTENCE_MAX]; /* "": they answer alike */
};

struct gateway_watch *
gateway_watch_new(const struct plan_context *context)
{
    struct gateway_watch *watch = allocate(sizeof(*watch));

    watch->context = context;
    return watch;
}

void
gateway_watch_free(struct gateway_watch *watch)
{
    free(watch);
}

static void
measure(const struct gateway_watch *watch, size_t silent)
{
    struct metrics *metrics = watch->context->metrics;

    metrics_set(metrics_series(metrics, "cutover_gateways_differ", NULL),
        watch->differ[0] != '\0');
    metrics_set(metrics_series(metrics, "cutover_gateways_silent", NULL), (double)silent);
}

void
gateway_watch_look(struct gateway_watch *watch, int64_t now_ms)
{
    const struct gateway_row *rows;
    size_t count = plan_store_gateways(watch->context->store, &rows);
    uint64_t slot_ms = watch->context->config->slot_ms;
    const struct gateway_row *one;
    const struct gateway_row *other;
    bool had = watch->differ[0] != '\0';
    size_t silent = 0;

    for (size_t i = 0; i < count; i++)
        silent += gateway_row_is_silent(&rows[i], now_ms, slot_ms);
    if (gateway_rows_differ(rows, count, now_ms, slot_ms, &one, &other)) {
        (void)snprintf(watch->differ, sizeof(watch->differ),
            "%s and %s have answered otherwise for over %d s", one->name, other->name,
            GATEWAY_APART_S);
        if (!had)
            log_warning("gateways", log_text("state", "differ"),
                log_text("gateway", one->name), log_text("digest", one->digest),
                log_text("other", other->name), log_text("other_digest", other->digest));
    } else {
        watch->differ[0] = '\0';
        if (had)
            log_info("gateways", log_text("state", "alike"));
    }
    measure(watch, silent);
}

void
gateway_watch_write(const struct gateway_watch *watch, int64_t now_ms, struct json *json)
{
    const struct gateway_row *rows;
    size_t count = plan_store_gateways(watch->context->store, &rows);
    uint64_t slot_ms = watch->context->config->slot_ms;

    json_array_begin(json, "gateways");
    for (size_t i = 0; i < count; i++) {
        const struct gateway_row *row = &rows[i];

        json_object_begin(json, NULL);
        gateway_row_write(row, json);
        json_bool(json, "silent", gateway_row_is_silent(row, now_ms, slot_ms));
        json_object_end(json);
    }
    json_array_end(json);
    json_text_if(json, "gateways_differ", watch->differ);
}
