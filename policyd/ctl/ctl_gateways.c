/*
 * status --gateways: each gateway in a row, as its controller has it.
 */
#include "policyd/ctl/ctl_gateways.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/ctl/ctl_books.h"
#include "policyd/ctl/ctl_controller.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_store.h"
#include "policyd/terminal/ctl_table.h"
#include "shared/base/json.h"

enum { OUT_MAX = 4 << 20, DIGEST_SHOWN = 8 };

struct gateways {
    struct ctl *ctl;
    struct gateway_row *rows;
    size_t count;
    int64_t now_ms;
    const struct gateway_row *one; /* NULL: all answer alike */
    const struct gateway_row *other;
    size_t silent;
};

/* --- reading --- */

static bool
take_name(void *argument, struct span name, struct error *error)
{
    struct gateways *gateways = argument;

    (void)error;
    span_take(&name, SPAN("gateway:"));
    for (size_t i = 0; i < gateways->count; i++) {
        if (span_is(name, gateways->rows[i].name))
            return true;
    }
    if (gateways->count < CTL_GATEWAYS_MAX &&
        gateway_row_init(&gateways->rows[gateways->count], name))
        gateways->count++;
    return true;
}

static int
by_name(const void *left, const void *right)
{
    return strcmp(((const struct gateway_row *)left)->name,
        ((const struct gateway_row *)right)->name);
}

bool
ctl_gateways_read(
    struct ctl *ctl, struct gateway_row **rows, size_t *count, struct error *error)
{
    struct gateways gateways = {.ctl = ctl};

    gateways.rows = arena_take(ctl->arena, CTL_GATEWAYS_MAX * sizeof(*gateways.rows));
    if (!ctl_store_scan(ctl, "gateway:*", take_name, &gateways, error))
        return false;
    for (size_t i = 0; i < gateways.count; i++) {
        struct gateway_row *row = &gateways.rows[i];
        struct ctl_hash hash;

        if (!ctl_store_hash(ctl,
                ctl_store_key(ctl, ctl->arena, "gateway:", span_of(row->name)), &hash,
                error))
            return false;
        for (size_t n = 0; n < hash.count; n++)
            gateway_row_take(row, hash.fields[n].name, hash.fields[n].value);
    }
    qsort(gateways.rows, gateways.count, sizeof(*gateways.rows), by_name);
    *rows = gateways.rows;
    *count = gateways.count;
    return true;
}

/* --- telling --- */

static bool
is_silent(const struct gateways *gateways, const struct gateway_row *row)
{
    return gateway_row_is_silent(row, gateways->now_ms, gateways->ctl->config->slot_ms);
}

static const char *
age(const struct gateways *gateways, int64_t time)
{
    int64_t passed = gateways->now_ms - time * 1000;

    return time == 0 ? "-" : ctl_books_age(gateways->ctl->arena, passed > 0 ? passed : 0);
}

static const char *
number(const struct gateways *gateways, bool is_known, uint64_t value)
{
    return is_known ? arena_printf(gateways->ctl->arena, "%" PRIu64, value) : "-";
}

static const char *
text(const struct gateways *gateways, const char *value)
{
    return value[0] == '\0' ? "-" : ctl_output_text(gateways->ctl->arena, span_of(value));
}

static void
fill_row(const struct gateways *gateways, const struct gateway_row *row,
    struct ctl_table_row *out)
{
    struct arena *arena = gateways->ctl->arena;

    out->cells[0] = text(gateways, row->name);
    out->cells[1] = text(gateways, row->version);
    out->cells[2] = text(gateways, row->site);
    out->cells[3] =
        row->digest[0] == '\0'
            ? "-"
            : ctl_output_text(arena, span_first(span_of(row->digest), DIGEST_SHOWN));
    out->cells[4] = age(gateways, row->log_time);
    out->cells[5] = !row->knows_books ? "-"
                    : row->books == 0
                        ? "balanced"
                        : arena_printf(arena, "%" PRIu64 " off", row->books);
    out->cells[6] = number(gateways, row->knows_waiting, row->waiting);
    out->cells[7] = age(gateways, row->time);
    out->alarm = is_silent(gateways, row);
    if (out->alarm)
        out->below = arena_printf(arena, "  silent; %s waited there at its last word\n",
            number(gateways, row->knows_waiting, row->waiting));
}

static void
print(const struct gateways *gateways)
{
    struct ctl_table_row *rows =
        arena_take(gateways->ctl->arena, (gateways->count + 1) * sizeof(*rows));
    const struct ctl_table table = {
        .titles = {"GATEWAY", "VERSION", "SITE", "DIGEST", "LOG", "BOOKS", "WAITING",
                   "SAID"                                                                 },
        .right = {false,     false,     false,  false,    true,  false,   true,      true},
        .rows = rows,
        .count = gateways->count,
    };
    struct buffer out;

    if (gateways->count == 0) {
        ctl_output_say("no controller has said anything (gateway:* in Redis)");
        return;
    }
    for (size_t i = 0; i < gateways->count; i++)
        fill_row(gateways, &gateways->rows[i], &rows[i]);
    buffer_init(&out, OUT_MAX);
    ctl_table_write(&out, &table, CTL_TABLE_WIDTH, ctl_output_has_colour());
    ctl_output_raw(buffer_span(&out));
    buffer_clear(&out);
    if (gateways->one != NULL)
        ctl_output_alarm(
            "%s and %s have answered otherwise for over %d s: status on each "
            "says what it has",
            text(gateways, gateways->one->name), text(gateways, gateways->other->name),
            GATEWAY_APART_S);
}

static void
write_row(
    const struct gateways *gateways, const struct gateway_row *row, struct json *json)
{
    json_object_begin(json, NULL);
    gateway_row_write(row, json);
    json_integer_if(json, "age", row->time > 0, gateways->now_ms / 1000 - row->time);
    json_bool(json, "silent", is_silent(gateways, row));
    json_object_end(json);
}

static void
print_json(const struct gateways *gateways)
{
    struct buffer out;
    struct json json;

    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_bool(&json, "bad", gateways->one != NULL || gateways->silent > 0);
    json_array_begin(&json, "differ");
    if (gateways->one != NULL) {
        json_text(&json, NULL, gateways->one->name);
        json_text(&json, NULL, gateways->other->name);
    }
    json_array_end(&json);
    json_array_begin(&json, "gateways");
    for (size_t i = 0; i < gateways->count; i++)
        write_row(gateways, &gateways->rows[i], &json);
    json_array_end(&json);
    json_object_end(&json);
    ctl_output_document(&out);
}

/* Since when each says what it says, the controller here has seen. */
static bool
take_since(struct gateways *gateways)
{
    struct error error;
    const struct ctl_json *status = ctl_controller_status(gateways->ctl, &error);
    const struct ctl_json *row =
        status == NULL ? NULL : ctl_json_get(status, "gateways")->first;
    bool knows = row != NULL;

    for (; row != NULL; row = row->next) {
        uint64_t since = 0;

        for (size_t i = 0; i < gateways->count; i++) {
            if (span_is(ctl_json_text(row, "name"), gateways->rows[i].name) &&
                span_is(ctl_json_text(row, "digest"), gateways->rows[i].digest) &&
                ctl_json_number(row, "digest_since", &since))
                gateways->rows[i].digest_since = (int64_t)since;
        }
    }
    return knows;
}

void
ctl_gateways_warn(struct ctl *ctl)
{
    struct error error;
    const struct ctl_json *status = ctl_controller_status(ctl, &error);
    const struct ctl_json *row =
        status == NULL ? NULL : ctl_json_get(status, "gateways")->first;

    for (; row != NULL; row = row->next) {
        struct span waiting = ctl_json_text(row, "waiting");

        if (ctl_json_is_true(row, "silent"))
            ctl_output_warn("%s is silent; %s waited there at its last word",
                ctl_output_text(ctl->arena, ctl_json_text(row, "name")),
                waiting.length > 0 ? ctl_output_text(ctl->arena, waiting)
                                   : "nobody knows how many");
    }
}

/* What only just differs may be a change under way: with no controller to ask, a second
 * look tells. */
static bool
look(struct gateways *gateways, struct error *error)
{
    const struct timespec pause = {GATEWAY_APART_S + 1, 0};
    struct ctl *ctl = gateways->ctl;

    for (int tries = 0; tries < 2; tries++) {
        if (!ctl_gateways_read(ctl, &gateways->rows, &gateways->count, error))
            return false;
        gateways->now_ms = (int64_t)time(NULL) * 1000;
        gateways->one = NULL;
        if (take_since(gateways))
            tries = 2;
        if (!gateway_rows_differ(gateways->rows, gateways->count, gateways->now_ms,
                ctl->config->slot_ms, &gateways->one, &gateways->other))
            break;
        if (tries == 0)
            (void)nanosleep(&pause, NULL);
    }
    return true;
}

int
ctl_gateways_run(struct ctl *ctl)
{
    struct gateways gateways = {.ctl = ctl};
    struct error error;

    if (!look(&gateways, &error))
        return ctl_store_fail(ctl, &error);
    for (size_t i = 0; i < gateways.count; i++)
        gateways.silent += is_silent(&gateways, &gateways.rows[i]);
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON))
        print_json(&gateways);
    else
        print(&gateways);
    return gateways.one != NULL || gateways.silent > 0 ? CTL_NO : CTL_DONE;
}
