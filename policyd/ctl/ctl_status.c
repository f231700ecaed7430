/*
 * status: all domains at a glance, as policyd answers them; where it is silent, as Redis
 * has them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "policyd/ctl/ctl_copies.h"
#include "policyd/ctl/ctl_gateways.h"
#include "policyd/ctl/ctl_health.h"
#include "policyd/ctl/ctl_milters.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_pause.h"
#include "policyd/ctl/ctl_plans.h"
#include "policyd/ctl/ctl_policyd.h"
#include "policyd/ctl/ctl_quarantine.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/ctl/ctl_wiring.h"
#include "policyd/ctl/ctl_world.h"
#include "policyd/routing/status_page.h"
#include "policyd/terminal/ctl_table.h"
#include "shared/base/number.h"

#define NOBODY CTL_HEALTH_OF_NOBODY
#define CLEAR_SCREEN "\033[H\033[2J"

enum { PAGE_MAX = 64 << 20, TABLE_MAX = 64 << 20, PAUSE_S = 2 };

/* Nobody could be asked: no domains, since what is answered is not known. */
static void
write_unknown_page(struct ctl *ctl, struct buffer *page, const char *why)
{
    const struct route_rules nothing = {.domain_count = 0};
    const struct status_facts facts = {
        .source = NOBODY,
        .version = POSTSHIFT_VERSION,
        .host = ctl->host,
        .redis_error = why,
        .only_domains = true,
    };
    struct ctl_world world; /* with the override file */

    buffer_reset(page);
    ctl_world_open(&world, ctl);
    status_page_write(page, &facts, &nothing, world.replica);
    ctl_world_clear(&world);
}

static const char *
text_of(struct ctl *ctl, const struct ctl_json *object, const char *name)
{
    return ctl_output_text(ctl->arena, ctl_json_text(object, name));
}

/* What is in force: the override's, marked, or the state's. */
static const char *
in_force(struct ctl *ctl, const struct ctl_json *domain, const char *name)
{
    const struct ctl_json *override = ctl_json_get(domain, "override");

    if (!ctl_json_is_null(override, name))
        return arena_printf(ctl->arena, "%s!", text_of(ctl, override, name));
    return ctl_json_is_null(domain, name) ? "-" : text_of(ctl, domain, name);
}

/* What the columns have no room for. */
static const char *
describe_rest(struct ctl *ctl, const struct ctl_json *domain)
{
    struct arena *arena = ctl->arena;
    const char *text = "";
    const struct ctl_json *list = ctl_json_get(domain, "lists")->first;

    if (ctl_json_text(domain, "same_as").length > 0)
        text = arena_printf(arena, "  the same as %s\n", text_of(ctl, domain, "same_as"));
    if (ctl_json_text(domain, "standby").length > 0)
        text = arena_printf(
            arena, "%s  standby %s\n", text, text_of(ctl, domain, "standby"));
    for (; list != NULL; list = list->next)
        text = arena_printf(
            arena, "%s  list %s is on new\n", text, ctl_output_text(arena, list->text));
    return text;
}

static void
fill_row(struct ctl *ctl, const struct ctl_health *health, const struct ctl_json *domain,
    struct ctl_table_row *row)
{
    const char *below = "";

    row->cells[0] = text_of(ctl, domain, "domain");
    row->cells[1] = in_force(ctl, domain, "mode");
    row->cells[2] = in_force(ctl, domain, "weight");
    row->cells[3] = text_of(ctl, domain, "inside");
    row->cells[4] = text_of(ctl, domain, "old");
    row->cells[5] = text_of(ctl, domain, "new");
    for (size_t i = 0; i < health->count; i++) {
        if (health->items[i].domain != domain)
            continue;
        below = arena_printf(ctl->arena, "%s  %s\n", below, health->items[i].text);
        row->alarm = row->alarm || health->items[i].is_bad;
    }
    row->below = arena_printf(ctl->arena, "%s%s", below, describe_rest(ctl, domain));
}

static void
print_domains(
    struct ctl *ctl, const struct ctl_health *health, const struct ctl_json *status)
{
    const struct ctl_json *first = ctl_json_get(status, "domains")->first;
    struct ctl_table table = {
        .titles = {"DOMAIN", "MODE", "WEIGHT", "INSIDE", "OLD", "NEW"},
        .right = {false,   false,    true           },
    };
    struct ctl_table_row *rows;
    struct buffer out;

    for (const struct ctl_json *i = first; i != NULL; i = i->next)
        table.count++;
    if (table.count == 0) {
        if (!span_is(ctl_json_text(status, "source"), NOBODY))
            ctl_output_say("no domains");
        return;
    }
    rows = arena_take(ctl->arena, table.count * sizeof(*rows));
    table.rows = rows;
    for (const struct ctl_json *i = first; i != NULL; i = i->next)
        fill_row(ctl, health, i, rows++);
    buffer_init(&out, TABLE_MAX);
    ctl_table_write(&out, &table, CTL_TABLE_WIDTH, ctl_output_has_colour());
    ctl_output_raw(buffer_span(&out));
    buffer_clear(&out);
}

static const char *
describe_age(struct ctl *ctl, const struct ctl_json *redis)
{
    uint64_t synced;
    int64_t age;

    if (!number_unsigned(ctl_json_text(redis, "synced"), INT64_MAX, &synced))
        return "never read";
    age = (int64_t)time(NULL) - (int64_t)synced;
    return arena_printf(ctl->arena, "agreed %" PRId64 " s ago", age > 0 ? age : 0);
}

static void
print_head(struct ctl *ctl, const struct ctl_json *status)
{
    const struct ctl_json *redis = ctl_json_get(status, "redis");
    const char *address = text_of(ctl, redis, "address");

    if (span_is(ctl_json_text(status, "source"), NOBODY)) {
        ctl_output_say("neither policyd nor Redis can be asked what is answered");
        return;
    }
    if (span_is(ctl_json_text(status, "source"), "redis")) {
        ctl_output_say("what Redis at %s says (policyd may answer otherwise):", address);
        return;
    }
    ctl_output_say("policyd %s on %s%s%s, pins %s, units %s",
        text_of(ctl, status, "version"), text_of(ctl, status, "host"),
        ctl_json_is_null(status, "site") ? "" : " at site ",
        ctl_json_is_null(status, "site") ? "" : text_of(ctl, status, "site"),
        text_of(ctl, status, "pins"), text_of(ctl, status, "units"));
    ctl_output_say("Redis %s is %s, %s", address,
        ctl_json_is_true(redis, "up") ? "up" : "away", describe_age(ctl, redis));
}

static void
print_findings(const struct ctl_health *health)
{
    for (size_t i = 0; i < health->count; i++) {
        if (health->items[i].domain == NULL && health->items[i].is_bad)
            ctl_output_alarm("%s", health->items[i].text);
        else if (health->items[i].domain == NULL)
            ctl_output_note("%s", health->items[i].text);
    }
}

/* The page that policyd or Redis gave, and what is bad about it before that. */
static void
print_json(const struct ctl_health *health, const struct ctl_wiring *wiring,
    const struct ctl_plans *plans, const struct ctl_copies *copies, struct span page)
{
    struct buffer out;
    struct json json;

    buffer_init(&out, PAGE_MAX);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_bool(&json, "bad", health->is_bad);
    json_array_begin(&json, "findings");
    for (size_t i = 0; i < health->count; i++) {
        json_object_begin(&json, NULL);
        if (health->items[i].domain != NULL)
            json_span(&json, "domain", ctl_json_text(health->items[i].domain, "domain"));
        else
            json_null(&json, "domain");
        json_bool(&json, "bad", health->items[i].is_bad);
        json_text(&json, "text", health->items[i].text);
        json_object_end(&json);
    }
    json_array_end(&json);
    ctl_wiring_write(&json, wiring);
    ctl_plans_write(&json, plans);
    ctl_copies_write(&json, copies);
    /* It is an object, whose members follow. */
    buffer_append_octet(&out, ',');
    ctl_output_raw(buffer_span(&out));
    ctl_output_raw(span_from(page, 1));
    buffer_clear(&out);
}

/* What policyd says, else what Redis does, else that nobody can be asked: then *code is
 * what says so.  NULL: a page that is no document. */
static const struct ctl_json *
ask(struct ctl *ctl, struct buffer *page, struct error *silent, int *code)
{
    const struct ctl_json *status =
        ctl_policyd_document(ctl, "/status.json", page, silent);
    struct error error;

    *code = CTL_DONE;
    if (status != NULL)
        return status;
    buffer_reset(page);
    if (!ctl_world_status_page(ctl, page, &error)) {
        *code = ctl_store_fail(ctl, &error);
        write_unknown_page(ctl, page, error.text);
    }
    status =
        ctl_json_parse(ctl->arena, arena_span(ctl->arena, buffer_span(page)), &error);
    if (status == NULL)
        *code = ctl_output_fail(CTL_NO, "%s", error.text);
    return status;
}

/* One look; gives the exit code. */
static int
look(struct ctl *ctl)
{
    struct error silent = {ERROR_NONE, ""};
    struct ctl_health health;
    struct ctl_wiring wiring;
    struct ctl_plans plans;
    struct ctl_copies copies;
    struct buffer page;
    const struct ctl_json *status;
    int code;

    buffer_init(&page, PAGE_MAX);
    status = ask(ctl, &page, &silent, &code);
    if (status == NULL) {
        buffer_clear(&page);
        return code;
    }
    ctl_health_look(&health, ctl, status, silent.kind != ERROR_NONE ? silent.text : NULL);
    ctl_milters_look(&health, ctl);
    ctl_quarantine_look(&health, ctl);
    ctl_copies_look(&copies, &health, ctl);
    ctl_wiring_look(&wiring, &health, ctl, status);
    ctl_plans_look(&plans, &health, ctl, status);
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON)) {
        print_json(&health, &wiring, &plans, &copies, buffer_span(&page));
    } else {
        print_head(ctl, status);
        print_findings(&health);
        print_domains(ctl, &health, status);
        ctl_plans_print(&plans, ctl, ctl_arguments_has(&ctl->arguments, CTL_WATCH));
    }
    buffer_clear(&page);
    return code != CTL_DONE ? code : health.is_bad ? CTL_NO : CTL_DONE;
}

static void
print_clock(const struct ctl *ctl)
{
    time_t now = time(NULL);
    struct tm parts;
    char text[64] = "";

    if (localtime_r(&now, &parts) != NULL)
        (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &parts);
    ctl_output_say("%s on %s, every %d s; q ends", text, ctl->host, PAUSE_S);
}

/* Each look anew: who comes back is asked again. */
static int
watch(struct ctl *ctl)
{
    struct arena *outer = ctl->arena;
    bool redraw = ctl_output_is_terminal();

    ctl_pause_begin();
    (void)setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    do {
        ctl->arena = arena_new(1 << 30);
        ctl->same_as = NULL;
        if (redraw) {
            ctl_output_raw(SPAN(CLEAR_SCREEN));
            print_clock(ctl);
        }
        (void)look(ctl);
        if (!redraw)
            ctl_output_raw(SPAN("\n"));
        (void)fflush(stdout);
        arena_free(ctl->arena);
        redis_sync_close(ctl->redis);
        ctl->redis = NULL;
    } while (!ferror(stdout) && ctl_pause(PAUSE_S));
    ctl_pause_end();
    ctl->arena = outer;
    return ferror(stdout) ? CTL_NO : CTL_DONE;
}

int
ctl_status_run(struct ctl *ctl)
{
    if (ctl_arguments_has(&ctl->arguments, CTL_GATEWAYS))
        return ctl_gateways_run(ctl);
    return ctl_arguments_has(&ctl->arguments, CTL_WATCH) ? watch(ctl) : look(ctl);
}
