#include "policyd/wiring/wiring_check.h"

#include <assert.h>
#include <string.h>

enum { NAMED_MAX = 4 };

/* A check in the making. */
struct check {
    struct wiring *wiring;
    const struct wiring_facts *facts;
    struct arena *arena;
};

const char *
wiring_state_name(enum wiring_state state)
{
    static const char *const names[] = {
        [WIRING_UNKNOWN] = "unknown",
        [WIRING_NONE] = "not wired",
        [WIRING_OFF] = "off",
        [WIRING_PART] = "part",
        [WIRING_WHOLE] = "wired",
    };

    return names[state];
}

static void
add(struct check *check, bool is_bad, const char *text)
{
    assert(check->wiring->count < WIRING_FINDINGS_MAX);
    check->wiring->findings[check->wiring->count++] =
        (struct wiring_finding){is_bad, text};
}

/* A milter that was installed later is an offer, not a gap. */
static bool
is_of_milters(const struct setup_step *step)
{
    return span_starts(span_of(step->argument), SPAN("postshift_milters")) ||
           span_starts(span_of(step->argument), SPAN("smtpd_milters"));
}

static bool
is_gap(const struct setup_step *step)
{
    return step->flag != NULL && !is_of_milters(step);
}

static size_t
count_gaps(const struct setup_plan *plan)
{
    size_t count = 0;

    for (size_t i = 0; i < plan->count; i++)
        count += is_gap(&plan->steps[i]) ? 1 : 0;
    return count;
}

/* "postshift_policy = ..." is of main.cf, "cutover-new/unix=..." of master.cf. */
static const char *
name_gap(struct arena *arena, const struct setup_step *step)
{
    struct span argument = span_of(step->argument);
    bool is_main = step->flag[1] == 'e' || step->flag[1] == 'X';

    return arena_printf(arena, "%s of %s",
        arena_text(arena, span_trim(span_first(argument, span_find(argument, '=')))),
        is_main ? "main.cf" : "master.cf");
}

static const char *
list_gaps(const struct setup_plan *plan, struct arena *arena)
{
    const char *text = "";
    size_t named = 0;
    size_t all = count_gaps(plan);

    for (size_t i = 0; i < plan->count && named < NAMED_MAX; i++) {
        if (!is_gap(&plan->steps[i]))
            continue;
        text = arena_printf(arena, "%s%s%s", text, named > 0 ? ", " : "",
            name_gap(arena, &plan->steps[i]));
        named++;
    }
    return all > named ? arena_printf(arena, "%s and %zu more", text, all - named) : text;
}

static enum wiring_state
state_of(const struct wiring_facts *facts)
{
    size_t gaps = count_gaps(facts->plan);

    if (facts->plan->wired)
        return gaps > 0 && facts->plan_is_sure && facts->refusal == NULL ? WIRING_PART
                                                                         : WIRING_WHOLE;
    return facts->has_services ? WIRING_OFF : WIRING_NONE;
}

/* How it came to this, as far as that can be told. */
static const char *
why_not(const struct check *check)
{
    if (check->wiring->state == WIRING_OFF)
        return "the queue manager does not ask policyd (switched off, or its entry in "
               "master.cf was replaced)";
    return check->facts->was_wired
               ? "nothing of ours is left in master.cf, which was replaced by another"
               : "postfix-setup has not been applied";
}

static void
check_not_wired(struct check *check)
{
    const struct wiring_facts *facts = check->facts;
    const char *why = why_not(check);

    if (facts->moved == NULL)
        add(check, false,
            arena_printf(check->arena,
                "Postfix is not wired: %s; mail goes the site's own way (%s)", why,
                facts->apply));
    else
        add(check, true,
            arena_printf(check->arena,
                "Postfix is not wired: %s; mail of people who were moved (%s%s) goes the "
                "site's own way: %s",
                why, facts->moved,
                facts->moved_count > 1
                    ? arena_printf(
                          check->arena, " and %zu more domains", facts->moved_count - 1)
                    : "",
                facts->apply));
}

/* The copy of the site's maps has its own sentence. */
static void
check_gaps(struct check *check)
{
    const struct setup_plan *plan = check->facts->plan;

    if (plan->maps_changed)
        add(check, plan->wired,
            arena_printf(check->arena,
                "transport_maps has changed since the last --apply: the queue manager "
                "still has \"%s\", main.cf says \"%s\": %s",
                plan->maps_copy, plan->maps_now, check->facts->apply));
    if (check->wiring->state == WIRING_PART &&
        (!plan->maps_changed || count_gaps(plan) > 1))
        add(check, true,
            arena_printf(check->arena,
                "Postfix is wired in part, this is not as "
                "postfix-setup made it: %s: %s",
                list_gaps(plan, check->arena), check->facts->apply));
}

static void
check_socket(struct check *check, const struct wiring_socket *socket)
{
    if (socket->path == NULL)
        return;
    if (socket->trouble != NULL)
        add(check, true,
            arena_printf(check->arena, "Postfix can't ask policyd at %s: %s; %s",
                socket->path, socket->trouble,
                strcmp(socket->name, "route") == 0 || check->facts->by_filter
                    ? "all mail waits: systemctl status postshift-policyd"
                    : "mail is taken without the gate and the loop guard: systemctl "
                      "status postshift-policyd"));
    if (socket->threat != NULL)
        add(check, true,
            arena_printf(check->arena,
                "%s: %s, who could answer in policyd's place: "
                "systemd-tmpfiles --create, or chmod and chown its folder",
                socket->path, socket->threat));
}

void
wiring_check(struct wiring *wiring, const struct wiring_facts *facts, struct arena *arena)
{
    struct check check = {wiring, facts, arena};
    bool is_ours;

    *wiring = (struct wiring){WIRING_UNKNOWN};
    if (facts->obstacle != NULL) {
        add(&check, facts->was_named,
            arena_printf(
                arena, "Postfix's wiring was not looked at: %s", facts->obstacle));
        return;
    }
    wiring->state = state_of(facts);
    is_ours = facts->plan->wired || facts->was_wired || facts->moved != NULL;
    if (!facts->plan->wired)
        check_not_wired(&check);
    check_gaps(&check);
    if (facts->newer != NULL && is_ours)
        add(&check, true,
            arena_printf(arena, "%s is newer than what Postfix runs with: %s",
                facts->newer, facts->reload));
    if (facts->refusal != NULL)
        add(&check, facts->plan->wired,
            arena_printf(
                arena, "this Postfix can't be wired as it is: %s", facts->refusal));
    if (!facts->plan->wired)
        return;
    for (size_t i = 0; i < facts->socket_count; i++)
        check_socket(&check, &facts->sockets[i]);
    if (wiring->count == 0)
        add(&check, false,
            facts->by_filter ? "Postfix is wired: smtpd filters by policyd's answer"
                             : "Postfix is wired: the queue manager asks policyd");
    if (facts->is_stopped)
        add(&check, false, "Postfix isn't running: no mail is taken or delivered");
}
