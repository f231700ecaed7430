/*
 * finish: all of a domain has been on new for long enough, and new becomes its home: what
 * speaks against it, a line each; the ledger in a file; the lines for main.cf; then our
 * say ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policyd/ctl/ctl_books.h"
#include "policyd/ctl/ctl_domain.h"
#include "policyd/ctl/ctl_gateways.h"
#include "policyd/ctl/ctl_home.h"
#include "policyd/ctl/ctl_ledger.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_since.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/ctl/ctl_walk.h"
#include "policyd/state/pin.h"
#include "shared/base/number.h"

enum {
    REASONS_MAX = 24,
    OTHERS_NAMED = 10,
    LEDGER_MAX = 512 << 20,
    HELD_SECONDS = 7 * 86400,
};

struct finish {
    struct ctl *ctl;
    const char *name;
    struct ctl_domain domain;
    struct ctl_plan plan;
    struct ctl_home home;
    int64_t since; /* the weight has been 100; 0: not known */
    size_t pins;   /* that keep somebody from new */
    const char *reasons[REASONS_MAX];
    size_t reason_count;
};

static void
object(struct finish *finish, const char *reason)
{
    if (finish->reason_count < REASONS_MAX)
        finish->reasons[finish->reason_count++] = reason;
}

/* --- what speaks against it --- */

static void
look_at_weight(struct finish *finish)
{
    const struct domain_state *state = finish->domain.state;
    struct arena *arena = finish->ctl->arena;
    int64_t held = (int64_t)time(NULL) - finish->since;
    char weight[8];

    domain_weight_write(state->weight, weight);
    if (state->mode != DOMAIN_MODE_SPLIT)
        object(finish, arena_printf(arena, "its mode is %s, not split",
                           domain_mode_name(state->mode)));
    if (state->weight != 10000)
        object(finish, arena_printf(arena, "its weight is %s, not 100", weight));
    else if (finish->since == 0)
        object(finish, "since when its weight is 100 is not known: no event says so");
    else if (held < HELD_SECONDS)
        object(finish, arena_printf(arena, "its weight has been 100 for %s, not for 7 d",
                           ctl_books_age(arena, held * 1000)));
}

static void
look_at_postfix(struct finish *finish)
{
    struct ctl_home *home = &finish->home;
    struct arena *arena = finish->ctl->arena;

    ctl_home_look(finish->ctl, finish->name, finish->domain.state->new_route, home);
    if (home->queue_fault != NULL)
        object(finish, arena_printf(arena, "whether mail of it waits can't be told: %s",
                           home->queue_fault));
    else if (home->waiting > 0)
        object(
            finish, arena_printf(arena, "mail of it waits in the queue: %zu recipient%s",
                        home->waiting, home->waiting == 1 ? "" : "s"));
    if (home->fault != NULL)
        object(
            finish, arena_printf(arena,
                        "where the site's own maps lead can't be told: %s", home->fault));
    else if (home->leads_to[0] == '\0')
        object(finish, arena_printf(arena,
                           "the site's own transport_maps do not name it, so that its "
                           "mail would not "
                           "be sent to %s: the lines below come first",
                           home->wanted));
    else if (!home->is_new)
        object(finish,
            arena_printf(arena,
                "the site's own transport_maps lead to %s, not to %s: the lines below "
                "come first",
                home->leads_to, home->wanted));
}

/* NULL: nothing. */
static const char *
fault_of_other(struct finish *finish, const struct gateway_row *other)
{
    struct arena *arena = finish->ctl->arena;
    int64_t now_ms = (int64_t)time(NULL) * 1000;

    if (other->time == 0)
        return arena_printf(arena,
            "whether mail waits on the gateway %s can't be told: its controller said "
            "nothing",
            other->name);
    if (gateway_row_is_silent(other, now_ms, finish->ctl->config->slot_ms))
        return arena_printf(arena,
            "whether mail waits on the gateway %s can't be told: its controller is "
            "silent "
            "for %s (one that is gone for good: DEL gateway:%s)",
            other->name, ctl_books_age(arena, now_ms - other->time * 1000), other->name);
    if (!other->knows_waiting)
        return arena_printf(arena,
            "whether mail waits on the gateway %s can't be told: it does not know it",
            other->name);
    return other->waiting == 0
               ? NULL
               : arena_printf(arena,
                     "mail waits on the gateway %s: %" PRIu64
                     " recipient%s, of whatever domain",
                     other->name, other->waiting, other->waiting == 1 ? "" : "s");
}

/* Its own queue each can list; of the others, their last word. */
static bool
look_at_others(struct finish *finish, struct error *error)
{
    struct ctl *ctl = finish->ctl;
    const char *own = ctl->config->gateway[0] != '\0' ? ctl->config->gateway : ctl->host;
    struct gateway_row *others;
    size_t count;
    size_t named = 0;

    if (!ctl_gateways_read(ctl, &others, &count, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *fault =
            strcmp(others[i].name, own) == 0 ? NULL : fault_of_other(finish, &others[i]);

        if (fault != NULL && named++ < OTHERS_NAMED)
            object(finish, fault);
    }
    if (named > OTHERS_NAMED)
        object(finish, arena_printf(finish->ctl->arena, "and on %zu more gateways",
                           named - OTHERS_NAMED));
    return true;
}

static void
count_pin(void *argument, struct span name, struct span value)
{
    struct finish *finish = argument;
    struct error ignored;
    struct pin pin;
    size_t at = span_find_last(name, '@');

    if (at == SPAN_NONE || !span_is(span_from(name, at + 1), finish->name) ||
        !pin_parse(value, &pin, &ignored) || !pin_counts(&pin, (int64_t)time(NULL)) ||
        pin.place == PIN_NEW)
        return;
    finish->pins++;
}

static bool
look_at_redis(struct finish *finish, struct error *error)
{
    struct ctl *ctl = finish->ctl;

    if (!ctl_since_all_on_new(
            ctl, finish->name, &finish->plan.record, &finish->since, error) ||
        !ctl_walk(ctl, "pin:", count_pin, finish, error))
        return false;
    look_at_weight(finish);
    if (finish->pins > 0)
        object(finish, arena_printf(ctl->arena, "pins keep addresses of it from new: %zu",
                           finish->pins));
    return true;
}

/* False: refused, and said so. */
static bool
pass(struct finish *finish)
{
    bool forced = ctl_arguments_has(&finish->ctl->arguments, CTL_FORCE);

    for (size_t i = 0; i < finish->reason_count; i++)
        ctl_output_warn(
            "%s: %s%s", finish->name, finish->reasons[i], forced ? "; forced" : "");
    if (finish->reason_count == 0 || forced)
        return true;
    ctl_output_say("new becomes its home by");
    ctl_home_print(finish->ctl, finish->name, &finish->home);
    (void)ctl_output_fail(CTL_REFUSED,
        "%s: finish is refused; nothing was changed (--force overrides)", finish->name);
    return false;
}

/* --- the ledger --- */

static bool
write_file(const char *path, struct span text, struct error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t written = 0;

    if (fd < 0)
        return error_permanent(error, "%s: %s", path, strerror(errno));
    while (written < text.length) {
        ssize_t some = write(fd, text.data + written, text.length - written);

        if (some < 0 && errno == EINTR)
            continue;
        if (some <= 0)
            break;
        written += (size_t)some;
    }
    if (written < text.length || fsync(fd) != 0) {
        (void)error_permanent(error, "%s: %s", path, strerror(errno));
        (void)close(fd);
        (void)unlink(path);
        return false;
    }
    return close(fd) == 0 || error_permanent(error, "%s: %s", path, strerror(errno));
}

/* Gives the exit code. */
static int
export_ledger(struct finish *finish)
{
    struct ctl *ctl = finish->ctl;
    const char *given = ctl->arguments.values[CTL_FILE];
    const char *path =
        given != NULL ? given : arena_printf(ctl->arena, "%s-ledger.json", finish->name);
    struct buffer out;
    struct error error;
    size_t units;
    int status = CTL_DONE;

    buffer_init(&out, LEDGER_MAX);
    if (!ctl_ledger_write(ctl, finish->name, &out, &units, &error))
        status = ctl_store_fail(ctl, &error);
    else if (!write_file(path, buffer_span(&out), &error))
        status = ctl_output_fail(
            CTL_NO, "the ledger: %s; nothing was changed (--file FILE)", error.text);
    else
        ctl_output_say("the ledger, %zu unit%s, is in %s", units, units == 1 ? "" : "s",
            ctl_output_text(ctl->arena, span_of(path)));
    buffer_clear(&out);
    return status;
}

/* --- the end --- */

static const char *
join_reasons(const struct finish *finish)
{
    const char *all = NULL;

    for (size_t i = 0; i < finish->reason_count; i++)
        all = arena_printf(finish->ctl->arena, "%s%s%s", all == NULL ? "" : all,
            all == NULL ? "" : "; ", finish->reasons[i]);
    return all;
}

static int
forget(struct finish *finish)
{
    const struct domain_field forgotten = {SPAN("mode"), SPAN("forgotten")};
    const struct ctl_domain_order order = {
        .name = finish->name,
        .fields = &forgotten,
        .count = 1,
        .what = "forget",
        .why = "finish",
        .forced = join_reasons(finish),
        .must_exist = true,
        .forgets = true,
    };

    return ctl_domain_change(finish->ctl, &order);
}

static void
tell(struct finish *finish)
{
    int64_t now = (int64_t)time(NULL);
    int64_t off = finish->since + (int64_t)finish->home.lifetime_s;
    char when[21];

    number_rfc3339_write(off > now ? off : now, when);
    ctl_output_say("new is its home by these lines, on every gateway:");
    ctl_home_print(finish->ctl, finish->name, &finish->home);
    ctl_output_say(
        "old may be switched off from %s on: mail that was accepted before 100 "
        "waits in no queue for longer",
        when);
    ctl_output_say(
        "once it is out of [policyd] domains on every gateway, its keys may be "
        "deleted; without a domain left, postfix-setup --remove ends the wiring");
}

static int
run(struct finish *finish)
{
    struct error error;
    int status;

    if (finish->domain.state == NULL ||
        finish->domain.state->mode == DOMAIN_MODE_FORGOTTEN)
        return ctl_output_fail(CTL_NO, "%s %s; nothing was changed", finish->name,
            finish->domain.state == NULL ? "has no good state" : "is forgotten already");
    if (finish->domain.state->same_as[0] != '\0')
        return ctl_output_fail(
            CTL_NO, "it is same_as %s: finish that", finish->domain.state->same_as);
    if (!look_at_redis(finish, &error))
        return ctl_store_fail(finish->ctl, &error);
    look_at_postfix(finish);
    if (!look_at_others(finish, &error))
        return ctl_store_fail(finish->ctl, &error);
    if (!pass(finish))
        return CTL_REFUSED;
    status = export_ledger(finish);
    if (status == CTL_DONE)
        status = forget(finish);
    if (status == CTL_DONE)
        tell(finish);
    return status;
}

int
ctl_finish_run(struct ctl *ctl)
{
    struct finish finish = {
        .ctl = ctl,
        .name = ctl_store_canonical_domain(ctl, ctl->arguments.words[0]),
    };
    struct error error;
    int status;

    if (finish.name == NULL)
        return CTL_USAGE;
    if (!ctl_store_domain(ctl, span_of(finish.name), &finish.domain, &error) ||
        !ctl_plan_read(ctl, finish.name, &finish.plan, &error))
        return ctl_store_fail(ctl, &error);
    status = run(&finish);
    ctl_domain_clear(&finish.domain);
    return status;
}
