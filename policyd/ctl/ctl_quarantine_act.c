/*
 * quarantine: mails are released or deleted, and it is an event.
 */
#include <inttypes.h>
#include <unistd.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_policyd.h"
#include "policyd/ctl/ctl_quarantine.h"
#include "policyd/ctl/ctl_write.h"
#include "shared/base/attributes.h"

enum {
    EVENT_IDS = 25, /* in one event */
    EVENT_TEXT_MAX = 1 << 16,
    ROUTES_MAX = 2000, /* asked for in one call */
    RECIPIENTS_SHOWN = 20,
};

static const struct {
    const char *done;
    const char *event;
} words[] = {
    [HOLD_RELEASE] = {"released", "release"},
    [HOLD_DELETE] = {"deleted",  "delete" },
};

/* --- where what is released goes --- */

struct routes {
    struct ctl *ctl;
    unsigned asked;
    bool is_silent;
};

static const char *
route_of(struct routes *routes, struct span address)
{
    struct ctl *ctl = routes->ctl;
    const struct ctl_json *route;
    struct error error;

    if (routes->is_silent || routes->asked >= ROUTES_MAX)
        return "not asked";
    routes->asked++;
    route = ctl_policyd_document(ctl, ctl_policyd_route_path(ctl, address), NULL, &error);
    if (route == NULL) {
        routes->is_silent = true;
        ctl_output_warn("policyd not asked: %s", error.text);
        return "not asked";
    }
    if (span_is(ctl_json_text(route, "result"), "not-ours"))
        return "as the site's own maps say";
    if (ctl_json_text(route, "nexthop").length == 0)
        return ctl_output_text(ctl->arena, ctl_json_text(route, "result"));
    return arena_printf(ctl->arena, "%s (%s)",
        ctl_output_text(ctl->arena, ctl_json_text(route, "result")),
        ctl_output_text(ctl->arena, ctl_json_text(route, "nexthop")));
}

static void
tell_routes(struct routes *routes, const struct hold_mail *mail)
{
    size_t shown = mail->to_count < RECIPIENTS_SHOWN ? mail->to_count : RECIPIENTS_SHOWN;

    for (size_t i = 0; i < shown; i++)
        ctl_output_say("  %s -> %s", ctl_output_text(routes->ctl->arena, mail->to[i]),
            route_of(routes, mail->to[i]));
    if (shown < mail->to_count)
        ctl_output_say("  and %zu more", mail->to_count - shown);
}

/* --- the events --- */

/* The domain of all recipients, or "". */
static const char *
domain_of(struct ctl *ctl, const struct hold_mail *const *mails, size_t count)
{
    struct span domain = SPAN("");

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < mails[i]->to_count; k++) {
            struct span to = mails[i]->to[k];
            struct span its = span_from(to, span_find_last(to, '@') + 1);

            if (domain.length > 0 && !span_equal_nocase(domain, its))
                return "";
            domain = its;
        }
    }
    return arena_text(ctl->arena, domain);
}

static bool
write_event(struct ctl *ctl, enum hold_act act, const struct hold_mail *const *mails,
    size_t count, struct error *error)
{
    struct ctl_event event = {.what = "quarantine",
        .domain = domain_of(ctl, mails, count),
        .from = "hold",
        .to = words[act].event,
        .why = ctl->arguments.values[CTL_WHY]};
    struct buffer ids;
    bool done;

    buffer_init(&ids, EVENT_TEXT_MAX);
    for (size_t i = 0; i < count; i++)
        buffer_printf(&ids, "%s%.*s%s", i > 0 ? " " : "", (int)mails[i]->id.length,
            mails[i]->id.data, mails[i]->held == NULL ? "(not ours)" : "");
    event.key = buffer_text(&ids);
    done = ctl_write_event(ctl, &event, error);
    buffer_clear(&ids);
    return done;
}

static bool
write_events(struct ctl *ctl, enum hold_act act, const struct hold_mail *const *mails,
    size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i += EVENT_IDS) {
        size_t some = count - i < EVENT_IDS ? count - i : EVENT_IDS;

        if (!write_event(ctl, act, mails + i, some, error))
            return false;
    }
    return true;
}

/* --- the verbs --- */

static int
tell_end(enum hold_act act, const struct quarantine_choice *choice, size_t done)
{
    if (act == HOLD_RELEASE && done > 0)
        ctl_output_note("Postfix delivers %s now; no milter sees %s again, so nothing is "
                        "scanned",
            done == 1 ? "it" : "them", done == 1 ? "it" : "them");
    if (choice->left > 0)
        return ctl_output_fail(CTL_NO,
            "%zu more match: at most %d go with one call, run it again", choice->left,
            CTL_QUARANTINE_MAX);
    return done == choice->count ? CTL_DONE : CTL_NO;
}

/* Those that it was done to stand first in `choice` afterwards. */
static size_t
tell_each(struct ctl *ctl, enum hold_act act, struct quarantine_choice *choice,
    const bool *done)
{
    struct routes routes = {.ctl = ctl};
    size_t count = 0;

    for (size_t i = 0; i < choice->count; i++) {
        const struct hold_mail *mail = choice->mails[i];
        int length = (int)mail->id.length;

        if (!done[i]) {
            (void)ctl_output_fail(CTL_NO,
                "%.*s was not %s: it is still there, or is another mail by now", length,
                mail->id.data, words[act].done);
            continue;
        }
        choice->mails[count++] = mail;
        ctl_output_say("%.*s %s, from %s (%s)", length, mail->id.data, words[act].done,
            mail->from.length == 0 ? "<>" : ctl_output_text(ctl->arena, mail->from),
            ctl_quarantine_verdict(ctl, mail));
        if (act == HOLD_RELEASE)
            tell_routes(&routes, mail);
    }
    return count;
}

static int
act_on(struct ctl *ctl, enum hold_act act, struct quarantine_choice *choice)
{
    bool *done = arena_take(ctl->arena, (choice->count + 1) * sizeof(*done));
    struct error error;
    size_t count;
    int status;

    if (choice->count == 0) {
        ctl_output_say("nothing matches");
        return CTL_DONE;
    }
    /* No act without its event: who can't write one does nothing. */
    if (!ctl_store_open(ctl, &error))
        return ctl_store_fail(ctl, &error);
    if (!ctl_hold_act(ctl, act, choice->mails, choice->count, done, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    count = choice->count;
    choice->count = tell_each(ctl, act, choice, done);
    if (!write_events(ctl, act, choice->mails, choice->count, &error)) {
        (void)ctl_output_fail(CTL_NO_REDIS, "done, but there is no event of it");
        return ctl_store_fail(ctl, &error);
    }
    status = choice->count < count ? CTL_NO : CTL_DONE;
    ctl_output_say("%zu %s", choice->count, words[act].done);
    count = choice->count;
    return tell_end(act, choice, count) == CTL_DONE ? status : CTL_NO;
}

int
ctl_quarantine_act(struct ctl *ctl, enum hold_act act)
{
    struct hold_queue queue;
    struct quarantine_choice choice;
    struct error error;
    int status;

    if (!ctl_hold_read(ctl, &queue, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    if (queue.books_silent != NULL && !ctl_arguments_has(&ctl->arguments, CTL_ANY))
        return ctl_output_fail(CTL_NO,
            "%s: nobody knows which mails are ours (--any takes all that are on hold)",
            queue.books_silent);
    status = ctl_quarantine_choose(ctl, &queue, &choice);
    return status != CTL_DONE ? status : act_on(ctl, act, &choice);
}
