#include "policyd/wiring/setup_plan.h"

#include "policyd/wiring/setup_notes.h"
#include "policyd/wiring/setup_planner.h"

/* All that --remove takes out of main.cf: `postconf -n` doesn't show what nothing uses.
 */
static const char *const parameters[] = {
    "postshift_milters",
    "postshift_policy",
    "postshift_transport_maps",
    "postshift_mark",
    "postshift_unmark",
    "postshift_status",
    "postshift_stamp_old",
    "postshift_stamp_new",
    "postshift_stamp_standby",
};

static void
remove_from_lists(struct setup_planner *planner)
{
    for (size_t i = 0; i < SETUP_LISTS; i++) {
        const struct setup_list *list = &setup_lists[i];
        struct buffer value;
        bool is_set;
        struct span now = setup_planner_value(planner, list->parameter, &is_set);

        if (!postfix_text_list_has(now, list->word))
            continue;
        buffer_init(&value, now.length + 1);
        if (postfix_text_list_remove(&value, now, list->word))
            setup_planner_want_parameter(planner, list->parameter, buffer_text(&value));
        else
            setup_planner_add(planner, "-X", list->parameter);
        buffer_clear(&value);
    }
}

static void
plan_remove(struct setup_planner *planner)
{
    struct span lifetime;

    setup_planner_switch_off(planner);
    if (postfix_text_override(
            planner->queue_manager.arguments, "maximal_queue_lifetime", &lifetime) &&
        span_is(lifetime, SETUP_LIFETIME))
        setup_planner_drop_override(
            planner, setup_planner_queue_manager(planner), "maximal_queue_lifetime");
    remove_from_lists(planner);
    setup_planner_drop_service(planner, SETUP_REWRITE);
    for (size_t i = 0; i < SETUP_DELIVERIES; i++)
        setup_planner_drop_service(planner, setup_deliveries[i].service);
    /* A service that still ran would take an undefined parameter for an empty one: mail
     * would go past our maps. */
    if (planner->plan->count > 0)
        setup_planner_add(planner, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(parameters); i++) {
        bool is_set;

        (void)setup_planner_value(planner, parameters[i], &is_set);
        if (is_set)
            setup_planner_add(planner, "-X", parameters[i]);
    }
}

/* The services that ours are made after. */
static bool
find_services(struct setup_planner *planner, struct error *error)
{
    const struct setup_facts *facts = planner->facts;
    struct span name;
    bool is_set;

    if (!postfix_text_find_service(
            facts->services, SPAN("qmgr"), NULL, &planner->queue_manager))
        return error_permanent(error, "master.cf has no service qmgr");
    if (postfix_text_override(
            planner->queue_manager.arguments, "rewrite_service_name", &name) &&
        !span_is(name, SETUP_REWRITE))
        return error_permanent(error,
            "qmgr in master.cf has a rewrite_service_name of its own already (%s)",
            arena_text(planner->arena, name));
    name = setup_planner_value(planner, "rewrite_service_name", &is_set);
    if (!is_set)
        name = SPAN("rewrite");
    if (!postfix_text_find_service(facts->services, name, "unix", &planner->rewrite))
        return error_permanent(error, "master.cf has no service %s of type unix",
            arena_text(planner->arena, name));
    return true;
}

static bool
check_sockets(const struct setup_planner *planner, struct error *error)
{
    const struct setup_facts *facts = planner->facts;

    if (span_is(planner->rewrite.chroot, "n"))
        return true;
    if (!facts->by_filter && span_starts(span_of(facts->route), SPAN("unix:/")))
        return error_permanent(error,
            "%s lies outside Postfix's queue directory, where a chrooted service can't "
            "reach it: set [policyd] route to a path below that directory",
            facts->route);
    if (span_starts(span_of(facts->policy), SPAN("unix:/")))
        return error_permanent(error,
            "%s lies outside Postfix's queue directory, where a chrooted service can't "
            "reach it: set [policyd] policy to a path below that directory",
            facts->policy);
    return true;
}

static void
find_maps(struct setup_planner *planner)
{
    bool is_set;

    if (!postfix_text_override(
            planner->rewrite.arguments, "transport_maps", &planner->site_maps))
        planner->site_maps = setup_planner_value(planner, "transport_maps", &is_set);
}

static void
compare_maps(struct setup_planner *planner)
{
    struct setup_plan *plan = planner->plan;
    bool is_set;
    struct span copy = setup_planner_value(planner, "postshift_transport_maps", &is_set);
    size_t comma = span_find(copy, ',');

    copy = comma == SPAN_NONE ? SPAN("") : span_trim(span_from(copy, comma + 1));
    plan->maps_copy = arena_text(planner->arena, copy);
    plan->maps_now = arena_text(planner->arena, planner->site_maps);
    plan->maps_changed = is_set && !span_equal(copy, planner->site_maps);
}

bool
setup_plan_make(struct setup_plan *plan, enum setup_want want,
    const struct setup_facts *facts, struct arena *arena, struct error *error)
{
    struct setup_planner planner = {.facts = facts, .arena = arena, .plan = plan};
    bool is_set;
    struct span recipient;

    *plan = (struct setup_plan){.maps_copy = "", .maps_now = ""};
    if (!find_services(&planner, error))
        return false;
    if (want == SETUP_APPLY && !check_sockets(&planner, error))
        return false;
    find_maps(&planner);
    compare_maps(&planner);
    recipient = setup_planner_value(&planner, "smtpd_recipient_restrictions", &is_set);
    plan->wired = facts->by_filter ? postfix_text_list_has(recipient, "$postshift_policy")
                                   : setup_planner_is_on(&planner);
    if (want == SETUP_APPLY)
        setup_apply_plan(&planner);
    else
        plan_remove(&planner);
    if (want == SETUP_APPLY)
        setup_notes_make(plan, facts, arena);
    return true;
}
