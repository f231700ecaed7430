/*
 * undo: brings what landed on new to old, out of the copies that were kept for it.
 */
#include <inttypes.h>
#include <string.h>

#include "policyd/ctl/ctl_books.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_undoing.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/ctl/ctl_write.h"
#include "policyd/state/domain_route.h"
#include "policyd/undo/undo_key.h"
#include "shared/base/json.h"

enum { OUT_MAX = 16 << 20, SHOWN_MAX = 20 };

/* --- telling --- */

static void
write_names(struct json *json, const char *key, const struct undoing_names *names)
{
    json_array_begin(json, key);
    for (size_t i = 0; i < names->count; i++)
        json_text(json, NULL, names->items[i].queue_id);
    json_array_end(json);
}

static void
write_left(struct json *json, const struct undoing_names *names)
{
    json_array_begin(json, "why");
    for (size_t i = 0; i < names->count; i++) {
        json_object_begin(json, NULL);
        json_text(json, "queue_id", names->items[i].queue_id);
        json_text(json, "to", names->items[i].recipient);
        json_text(json, "why", names->items[i].why);
        json_object_end(json);
    }
    json_array_end(json);
}

static void
write_coverage(struct json *json, const struct undo_coverage *coverage)
{
    json_object_begin(json, "coverage");
    if (coverage->since_ms > 0)
        json_integer(json, "since", coverage->since_ms / 1000);
    else
        json_null(json, "since");
    json_integer(json, "copies", (int64_t)coverage->copies);
    json_integer(json, "bytes", (int64_t)coverage->octets);
    json_integer(json, "refused", (int64_t)coverage->refused);
    json_integer(json, "cut", (int64_t)coverage->cut);
    json_integer(json, "foreign", (int64_t)coverage->foreign);
    json_object_end(json);
}

static void
print_json(const struct undoing *undoing)
{
    struct buffer out;
    struct json json;

    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_text(&json, "domain", undoing->domain);
    json_integer(&json, "landed", (int64_t)undoing->landed);
    json_integer(&json, "sent", (int64_t)undoing->sent);
    json_integer(&json, "now", (int64_t)undoing->now);
    json_integer(&json, "ready", (int64_t)undoing->ready);
    json_integer(&json, "left", (int64_t)undoing->left.total);
    write_left(&json, &undoing->left);
    write_names(&json, "twice", &undoing->twice);
    write_coverage(&json, undo_reader_coverage(undoing->reader));
    json_text(&json, "stopped", undoing->stopped);
    json_object_end(&json);
    ctl_output_document(&out);
}

static void
print_names(const struct undoing *undoing, const struct undoing_names *names)
{
    struct arena *arena = undoing->ctl->arena;

    for (size_t i = 0; i < names->count && i < SHOWN_MAX; i++)
        ctl_output_note("  %s to %s%s%s", names->items[i].queue_id,
            ctl_output_text(arena, span_of(names->items[i].recipient)),
            names->items[i].why[0] != '\0' ? ": " : "",
            ctl_output_text(arena, span_of(names->items[i].why)));
    if (names->total > SHOWN_MAX)
        ctl_output_note("  and %" PRIu64 " more (--json)", names->total - SHOWN_MAX);
}

static void
print_coverage(const struct undoing *undoing)
{
    const struct undo_coverage *coverage = undo_reader_coverage(undoing->reader);

    if (coverage->since_ms == 0) {
        ctl_output_alarm("undo covers nothing: there are no copies");
        return;
    }
    ctl_output_note(
        "undo covers since %s", ctl_books_stamp(undoing->ctl->arena, coverage->since_ms));
    if (undoing->query.since_ms < coverage->since_ms && undoing->left.total > 0)
        ctl_output_alarm("what is older than that has no copy any more");
    if (coverage->refused > 0)
        ctl_output_alarm("%" PRIu64 " copies could not be kept (a full disk, undo_max)",
            coverage->refused);
    if (coverage->cut > 0)
        ctl_output_note("%" PRIu64 " files end in the middle of a copy: their writer was "
                        "killed",
            coverage->cut);
    if (coverage->foreign > 0)
        ctl_output_alarm(
            "%" PRIu64 " files are of another key, or were changed", coverage->foreign);
}

static void
print_text(const struct undoing *undoing)
{
    const char *since = ctl_books_stamp(undoing->ctl->arena, undoing->query.since_ms);

    if (undoing->is_dry)
        ctl_output_note("%s: %" PRIu64 " mails landed on new since %s; %" PRIu64
                        " would be sent to old, %" PRIu64 " were sent before",
            undoing->domain, undoing->landed, since, undoing->ready, undoing->sent);
    else
        ctl_output_note("%s: %" PRIu64 " mails landed on new since %s; %" PRIu64
                        " of them are on old now, %" PRIu64 " by this run",
            undoing->domain, undoing->landed, since, undoing->sent, undoing->now);
    if (undoing->stopped != NULL)
        ctl_output_alarm("stopped: %s (run it again, it goes on from there)",
            ctl_output_text(undoing->ctl->arena, span_of(undoing->stopped)));
    if (undoing->twice.total > 0) {
        ctl_output_note("may be there twice, since a run was ended while it sent them:");
        print_names(undoing, &undoing->twice);
    }
    if (undoing->left.total > 0) {
        ctl_output_alarm("%" PRIu64 " are left:", undoing->left.total);
        print_names(undoing, &undoing->left);
    }
    print_coverage(undoing);
    if (undoing->is_going_on)
        ctl_output_alarm("%s still has a weight above 0: mail goes on landing on new",
            undoing->domain);
    ctl_output_note("What was read, answered, filed or deleted on new is not known here: "
                    "old has the mail as it came.");
}

/* --- where old is --- */

/* NULL: said so. */
static const char *
/* NOLINTNEXTLINE(misc-no-recursion): a target is never the same as another */
state_route(struct undoing *undoing, const char *domain)
{
    struct ctl *ctl = undoing->ctl;
    struct ctl_domain found;
    struct error error;
    const char *route = NULL;

    if (!ctl_store_domain(ctl, span_of(domain), &found, &error)) {
        (void)ctl_output_fail(
            CTL_NO_REDIS, "%s; --to TRANSPORT:NEXTHOP says where old is", error.text);
        return NULL;
    }
    if (found.state != NULL && found.state->same_as[0] != '\0') {
        const char *target = arena_text(ctl->arena, span_of(found.state->same_as));

        ctl_domain_clear(&found);
        return state_route(undoing, target);
    }
    if (found.state == NULL || found.state->old_route[0] == '\0')
        (void)ctl_output_fail(CTL_NO,
            "%s has no good state: --to TRANSPORT:NEXTHOP says where old is", domain);
    else if (strcmp(found.state->old_route, DOMAIN_OLD_SITE) == 0)
        (void)ctl_output_fail(CTL_NO,
            "%s has old=site: the site's own maps decide, so say where old is, past "
            "Postfix: --to smtp:[HOST]:PORT or --to lmtp:unix:PATH",
            domain);
    else
        route = arena_text(ctl->arena, span_of(found.state->old_route));
    undoing->is_going_on = found.state != NULL &&
                           found.state->mode == DOMAIN_MODE_SPLIT &&
                           found.state->weight > 0;
    ctl_domain_clear(&found);
    return route;
}

static const char *
find_route(struct undoing *undoing)
{
    struct ctl *ctl = undoing->ctl;
    const char *given = ctl->arguments.values[CTL_TO];
    struct domain_route route;
    struct error error;

    if (given == NULL)
        return state_route(undoing, undoing->domain);
    if (domain_route_read(span_of(given), &route, &error))
        return given;
    (void)ctl_output_fail(CTL_USAGE, "--to: %s", error.text);
    return NULL;
}

/* --- the verb --- */

static bool
open_reader(struct undoing *undoing, int64_t from_ms, struct error *error)
{
    const struct ctl_config *config = undoing->ctl->config;
    uint8_t key[COPIES_KEY_SIZE];

    if (!undo_key_read(config->undo_key, key, error))
        return false;
    undoing->reader = undo_reader_open(config->undo_folder, key, from_ms, error);
    explicit_bzero(key, sizeof(key));
    return undoing->reader != NULL;
}

static void
write_event(struct undoing *undoing)
{
    struct ctl *ctl = undoing->ctl;
    const struct ctl_event event = {.domain = undoing->domain,
        .what = "undo",
        .from = "",
        .to = arena_printf(ctl->arena,
            "%" PRIu64 " sent, %" PRIu64 " left, %" PRIu64 " perhaps twice", undoing->now,
            undoing->left.total, undoing->twice.total),
        .why = ctl->arguments.values[CTL_WHY]};
    struct error error;

    if (!ctl_write_event(ctl, &event, &error))
        ctl_output_warn("no event was written: %s", error.text);
}

static int
undo(struct undoing *undoing)
{
    struct ctl *ctl = undoing->ctl;
    struct error error;
    int64_t from_ms;

    if (!ctl_undoing_count(undoing, &from_ms, &error) ||
        !open_reader(undoing, from_ms, &error) ||
        !undo_progress_open(&undoing->progress, ctl->config->undo_folder, undoing->domain,
            !undoing->is_dry, &error) ||
        !ctl_undoing_run(undoing, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    if (!undoing->is_dry)
        write_event(undoing);
    if (ctl_arguments_has(&ctl->arguments, CTL_JSON))
        print_json(undoing);
    else
        print_text(undoing);
    return undoing->left.total == 0 && undoing->stopped == NULL ? CTL_DONE : CTL_NO;
}

int
ctl_undo_run(struct ctl *ctl)
{
    struct undoing undoing = {.ctl = ctl, .progress = {.fd = -1}};
    int64_t until_ms = 0;
    int status;

    if (ctl->arguments.values[CTL_SINCE] == NULL)
        return ctl_output_fail(CTL_USAGE,
            "--since TIME is wanted: from when on mail on new "
            "is to be brought to old");
    undoing.domain = ctl_store_canonical_domain(ctl, ctl->arguments.words[0]);
    if (undoing.domain == NULL ||
        !ctl_books_window(ctl, &undoing.query.since_ms, &until_ms))
        return CTL_USAGE;
    undoing.query.domain = span_of(undoing.domain);
    undoing.query.with_maybe = ctl_arguments_has(&ctl->arguments, CTL_MAYBE);
    undoing.is_dry = ctl_arguments_has(&ctl->arguments, CTL_DRY_RUN);
    if (!undoing.is_dry) {
        undoing.route = find_route(&undoing);
        if (undoing.route == NULL)
            return CTL_NO;
    }
    undoing.books = ctl_books_open(ctl);
    if (undoing.books == NULL)
        return CTL_NO;
    status = undo(&undoing);
    undo_progress_close(&undoing.progress);
    undo_reader_close(undoing.reader);
    books_close(undoing.books);
    return status;
}
