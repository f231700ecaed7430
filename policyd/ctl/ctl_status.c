/*
 * status: all domains at a glance, as policyd answers them; where it is silent, as Redis
 * has them.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_policyd.h"
#include "policyd/ctl/ctl_setup.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/ctl/ctl_world.h"
#include "policyd/routing/status_page.h"
#include "policyd/terminal/ctl_table.h"
#include "shared/base/number.h"

#define CLEAR_SCREEN "\033[H\033[2J"

enum { PAGE_MAX = 64 << 20, TABLE_MAX = 64 << 20, PAUSE_S = 2 };

static volatile sig_atomic_t interrupted;

static void
interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* What Redis says, as policyd would write it. */
static bool
make_page(struct ctl *ctl, struct buffer *page, struct error *error)
{
    struct ctl_world world;
    struct status_facts facts = {
        .source = "redis",
        .version = POSTSHIFT_VERSION,
        .host = ctl->host,
        .redis_up = true,
        .only_domains = true,
    };
    bool done;

    ctl_world_open(&world, ctl);
    done = ctl_world_add_all_domains(&world, error);
    if (done) {
        facts.redis_address = redis_sync_address(ctl->redis);
        status_page_write(page, &facts, &ctl->config->serve->route_rules, world.replica);
    }
    ctl_world_clear(&world);
    return done;
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

static const char *
describe_override(struct ctl *ctl, const struct ctl_json *domain)
{
    const struct ctl_json *override = ctl_json_get(domain, "override");
    bool has_weight = !ctl_json_is_null(override, "weight");
    bool has_mode = !ctl_json_is_null(override, "mode");

    if (override->kind != CTL_JSON_OBJECT)
        return "";
    if (ctl_json_is_true(override, "unclear"))
        return arena_printf(ctl->arena,
            "  what the file %s says of it can't be read: its mail waits\n",
            ctl->config->serve->override);
    return arena_printf(ctl->arena, "  overridden by the file %s: %s%s%s%s%s\n",
        ctl->config->serve->override, has_weight ? "weight=" : "",
        has_weight ? text_of(ctl, override, "weight") : "",
        has_weight && has_mode ? " " : "", has_mode ? "mode=" : "",
        has_mode ? text_of(ctl, override, "mode") : "");
}

static const char *
describe_state(struct ctl *ctl, const struct ctl_json *domain)
{
    bool good = ctl_json_is_true(domain, "good");
    bool ours = ctl_json_is_true(domain, "ours");
    struct span why = ctl_json_text(domain, "why");
    const char *not_ours = ctl->config->serve->route_rules.domain_count > 0
                               ? "not among [policyd] domains"
                               : "never had a good state";

    if (!ours && span_is(why, not_ours))
        why = span_of("");
    if (!ctl_json_is_true(domain, "suspect") && good && ours)
        return "";
    return arena_printf(ctl->arena, "  %s%s%s\n",
        !ours ? arena_printf(ctl->arena, "%s, its mail goes the site's own way", not_ours)
        : good ? "Redis no longer says this, the last good state stays in force"
               : "no good state: its mail waits in the queue",
        why.length > 0 ? ": " : "", ctl_output_text(ctl->arena, why));
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
fill_row(struct ctl *ctl, const struct ctl_json *domain, struct ctl_table_row *row)
{
    const char *override = describe_override(ctl, domain);
    const char *state = describe_state(ctl, domain);

    row->cells[0] = text_of(ctl, domain, "domain");
    row->cells[1] = in_force(ctl, domain, "mode");
    row->cells[2] = in_force(ctl, domain, "weight");
    row->cells[3] = text_of(ctl, domain, "inside");
    row->cells[4] = text_of(ctl, domain, "old");
    row->cells[5] = text_of(ctl, domain, "new");
    row->alarm = override[0] != '\0' || state[0] != '\0';
    row->below =
        arena_printf(ctl->arena, "%s%s%s", state, override, describe_rest(ctl, domain));
}

static void
print_domains(struct ctl *ctl, const struct ctl_json *status)
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
        ctl_output_say("no domains");
        return;
    }
    rows = arena_take(ctl->arena, table.count * sizeof(*rows));
    table.rows = rows;
    for (const struct ctl_json *i = first; i != NULL; i = i->next)
        fill_row(ctl, i, rows++);
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
print_head(struct ctl *ctl, const struct ctl_json *status, const char *silent)
{
    const struct ctl_json *redis = ctl_json_get(status, "redis");
    bool up = ctl_json_is_true(redis, "up");

    if (silent != NULL) {
        ctl_output_alarm("policyd not asked: %s", silent);
        ctl_output_say("what Redis at %s says (policyd may answer otherwise):",
            text_of(ctl, redis, "address"));
        return;
    }
    ctl_output_say("policyd %s on %s, pins %s, units %s", text_of(ctl, status, "version"),
        text_of(ctl, status, "host"), text_of(ctl, status, "pins"),
        text_of(ctl, status, "units"));
    if (up)
        ctl_output_say("Redis %s is up, %s", text_of(ctl, redis, "address"),
            describe_age(ctl, redis));
    else
        ctl_output_alarm("Redis %s is away (%s), %s", text_of(ctl, redis, "address"),
            text_of(ctl, redis, "error"), describe_age(ctl, redis));
    if (!ctl_json_is_true(status, "loaded"))
        ctl_output_alarm("neither Redis nor a snapshot has been read: all mail waits");
}

static void
print_notes(struct ctl *ctl, const struct ctl_json *status)
{
    const struct ctl_json *note = ctl_json_get(status, "notes")->first;

    for (; note != NULL; note = note->next)
        ctl_output_alarm("%s", ctl_output_text(ctl->arena, note->text));
}

/* One look; gives the exit code. */
static int
look(struct ctl *ctl)
{
    struct error silent = {ERROR_NONE, ""};
    struct error error;
    struct buffer page;
    const struct ctl_json *status;

    buffer_init(&page, PAGE_MAX);
    status = ctl_policyd_document(ctl, "/status.json", &page, &silent);
    if (status == NULL && !make_page(ctl, &page, &error)) {
        buffer_clear(&page);
        (void)ctl_output_fail(CTL_NO_REDIS, "policyd not asked: %s", silent.text);
        return ctl_store_fail(ctl, &error);
    }
    if (status == NULL)
        status = ctl_json_parse(
            ctl->arena, arena_span(ctl->arena, buffer_span(&page)), &error);
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON)) {
        ctl_output_raw(buffer_span(&page));
    } else if (status != NULL) {
        print_head(ctl, status, silent.kind != ERROR_NONE ? silent.text : NULL);
        print_domains(ctl, status);
        print_notes(ctl, status);
        ctl_setup_tell_change(ctl);
    }
    buffer_clear(&page);
    return status != NULL ? CTL_DONE : CTL_NO;
}

/* Each look anew: who comes back is asked again. */
static int
watch(struct ctl *ctl)
{
    const struct sigaction action = {.sa_handler = interrupt};
    struct arena *outer = ctl->arena;
    bool redraw = ctl_output_is_terminal();

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    while (!interrupted && !ferror(stdout)) {
        ctl->arena = arena_new(1 << 30);
        ctl->aliases = NULL;
        if (redraw)
            ctl_output_raw(SPAN(CLEAR_SCREEN));
        (void)look(ctl);
        ctl_output_raw(SPAN("\n"));
        (void)fflush(stdout);
        arena_free(ctl->arena);
        redis_sync_close(ctl->redis);
        ctl->redis = NULL;
        if (!interrupted)
            (void)sleep(PAUSE_S);
    }
    ctl->arena = outer;
    return ferror(stdout) ? CTL_NO : CTL_DONE;
}

int
ctl_status_run(struct ctl *ctl)
{
    return ctl_arguments_has(&ctl->arguments, CTL_WATCH) ? watch(ctl) : look(ctl);
}
