#include "policyd/cutover/pinnings.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/base/allocate.h"
#include "shared/base/number.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

struct pinning {
    struct pinnings *pinnings;
    char *domain;
    char *recipient;
    char *unit;
    char *why;
    bool is_known; /* by old */
    bool is_sent;
    bool is_done;
    int64_t found;     /* unix time */
    uint64_t again_ms; /* not before; steady clock */
};

struct pinnings {
    const struct plan_context *context;
    const struct plan_owner *owner;
    struct pinning **rows;
    size_t count;
    size_t room;
    bool is_full; /* told */
    bool is_kept; /* told */
};

struct pinnings *
pinnings_new(const struct plan_context *context, const struct plan_owner *owner)
{
    struct pinnings *pinnings = allocate(sizeof(*pinnings));

    pinnings->context = context;
    pinnings->owner = owner;
    return pinnings;
}

static void
free_row(struct pinning *row)
{
    free(row->domain);
    free(row->recipient);
    free(row->unit);
    free(row->why);
    free(row);
}

void
pinnings_free(struct pinnings *pinnings)
{
    if (pinnings == NULL)
        return;
    for (size_t i = 0; i < pinnings->count; i++)
        free_row(pinnings->rows[i]);
    free(pinnings->rows);
    free(pinnings);
}

static int64_t
kept_s(const struct pinning *row)
{
    return row->is_known ? GUARD_PIN_SECONDS : GUARD_UNKNOWN_PIN_SECONDS;
}

static void
was_written(void *argument, enum plan_store_result result)
{
    struct pinning *row = argument;
    const struct plan_owner *owner = row->pinnings->owner;

    row->is_sent = false;
    row->again_ms = clock_now_ms() + PINNINGS_AGAIN_MS;
    row->is_done = result == PLAN_STORE_DONE || result == PLAN_STORE_STALE;
    if (result == PLAN_STORE_DONE)
        owner->pinned(owner->argument, row->domain, row->recipient);
}

static void
write_row(struct pinning *row)
{
    const struct plan_context *context = row->pinnings->context;
    char until[21];
    char value[100];
    const struct plan_pin pin = {
        row->unit, value, row->is_known ? "known" : "unknown", (uint64_t)kept_s(row)};
    const struct event_fields event = {
        .time = row->found,
        .who = "guard",
        .host = context->gateway,
        .domain = row->domain,
        .what = "misprovision",
        .key = row->recipient,
        .to = "old",
        .why = row->why,
    };

    number_rfc3339_write(row->found + kept_s(row), until);
    (void)snprintf(value, sizeof(value), "old until=%s note=%s", until,
        row->is_known ? "unknown on new, known on old" : "unknown on both");
    row->is_sent = plan_store_is_up(context->store) &&
                   plan_store_pin(context->store, &pin, &event, was_written, row);
}

void
pinnings_add(struct pinnings *pinnings, const char *domain,
    const struct guard_finding *finding, int64_t now)
{
    struct pinning *row;
    bool is_known = finding->verdict != GUARD_PIN_UNKNOWN;

    log_info("misprovision", log_text("domain", domain),
        log_address("to", span_of(finding->recipient)), log_text("unit", finding->unit),
        log_text("pin", is_known ? "7d" : "1h"), log_note(finding->why));
    if (pinnings->count == PINNINGS_MAX) {
        if (!pinnings->is_full)
            log_say(LOG_LEVEL_WARNING,
                "%d pins of the guard's wait for Redis: further ones are forgotten until "
                "new refuses them again",
                PINNINGS_MAX);
        pinnings->is_full = true;
        return;
    }
    pinnings->rows = allocate_more(
        pinnings->rows, pinnings->count, &pinnings->room, sizeof(struct pinning *));
    row = allocate(sizeof(*row));
    *row = (struct pinning){
        .pinnings = pinnings,
        .domain = allocate_text(span_of(domain)),
        .recipient = allocate_text(span_of(finding->recipient)),
        .unit = allocate_text(span_of(finding->unit)),
        .why = allocate_text(span_of(finding->why)),
        .is_known = is_known,
        .found = now,
    };
    pinnings->rows[pinnings->count++] = row;
    write_row(row);
    if (!row->is_sent && !pinnings->is_kept)
        log_say(LOG_LEVEL_WARNING,
            "Redis is not there: the guard's pins are kept until it is back");
    pinnings->is_kept = pinnings->is_kept || !row->is_sent;
}

void
pinnings_look(struct pinnings *pinnings, int64_t now)
{
    uint64_t now_ms = clock_now_ms();
    size_t kept = 0;

    for (size_t i = 0; i < pinnings->count; i++) {
        struct pinning *row = pinnings->rows[i];

        if (!row->is_sent && (row->is_done || now >= row->found + kept_s(row))) {
            free_row(row);
            continue;
        }
        pinnings->rows[kept++] = row;
        if (!row->is_sent && now_ms >= row->again_ms)
            write_row(row);
    }
    pinnings->count = kept;
    pinnings->is_full = pinnings->is_full && kept == PINNINGS_MAX;
    pinnings->is_kept = pinnings->is_kept && kept > 0;
}
