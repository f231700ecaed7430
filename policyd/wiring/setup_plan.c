#include "policyd/wiring/setup_plan.h"

#include "policyd/wiring/service_options.h"
#include "policyd/wiring/setup_notes.h"
#include "policyd/wiring/setup_planner.h"
#include "policyd/wiring/setup_undo.h"
#include "policyd/wiring/socket_reach.h"

/* What --apply sets beside the queue manager's rewrite service. */
static const char *const lifetimes[] = {
    "maximal_queue_lifetime", "bounce_queue_lifetime"};

static void
plan_remove(struct setup_planner *planner)
{
    struct span lifetime;

    /* First: a copy that isn't routed to the listener has nowhere to go. */
    setup_undo_remove(planner);
    setup_planner_switch_off(planner);
    for (size_t i = 0; i < ARRAY_LENGTH(lifetimes); i++) {
        if (postfix_text_override(
                planner->queue_manager.arguments, lifetimes[i], &lifetime) &&
            span_is(lifetime, SETUP_LIFETIME))
            setup_planner_drop_override(
                planner, setup_planner_queue_manager(planner), lifetimes[i]);
    }
    setup_planner_drop_words(planner, false);
    setup_planner_drop_service(planner, SETUP_REWRITE);
    for (size_t i = 0; i < SETUP_DELIVERIES; i++)
        setup_planner_drop_service(planner, setup_deliveries[i].service);
    for (size_t i = 0; i < SETUP_PROBES; i++)
        setup_planner_drop_service(planner, setup_probes[i].service);
    /* A service that still ran would take an undefined parameter for an empty one: mail
     * would go past our maps. */
    if (planner->plan->count > 0)
        setup_planner_add(planner, NULL, NULL);
    setup_planner_drop_parameters(planner, false);
    setup_delivery_drop_limits(planner);
}

/* By filter nothing can be switched off by itself. */
static void
plan_off(struct setup_planner *planner)
{
    if (planner->facts->by_filter) {
        plan_remove(planner);
        return;
    }
    setup_undo_stop(planner);
    setup_planner_switch_off(planner);
    if (planner->plan->count > 0)
        setup_planner_add(planner, NULL, NULL);
}

/* The services that ours are made after. */
static bool
find_services(struct setup_planner *planner, struct error *error)
{
    const struct setup_facts *facts = planner->facts;
    struct span name;

    if (!postfix_text_find_service(
            facts->services, SPAN("qmgr"), NULL, &planner->queue_manager))
        return error_permanent(error, "master.cf has no service qmgr");
    if (postfix_text_override(
            planner->queue_manager.arguments, "rewrite_service_name", &name) &&
        !span_is(name, SETUP_REWRITE))
        return error_permanent(error,
            "qmgr in master.cf has a rewrite_service_name of its own already (%s)",
            arena_text(planner->arena, name));
    return setup_plan_find_rewrite(facts, planner->arena, &planner->rewrite, error);
}

/* Whether it asks backends about recipients: in a list of main.cf or of a service. */
static bool
has_verification(const struct setup_facts *facts)
{
    const struct span word = SPAN("reject_unverified_recipient");
    struct buffer joined;
    bool found;

    buffer_init(&joined, facts->main_cf.length + 2);
    postfix_text_join(&joined, facts->main_cf);
    found = span_find_text(buffer_span(&joined), word) != SPAN_NONE ||
            span_find_text(facts->services, word) != SPAN_NONE;
    buffer_clear(&joined);
    return found;
}

/* Whether two lists have the same words, ours left out of the first. */
static bool
same_maps(struct span copy, struct span site, const char *ours)
{
    struct span left;
    struct span right;
    bool more;

    do {
        more = postfix_text_next_item(&copy, &left);
        while (more && (span_is(left, ours) || setup_undo_is_map(left)))
            more = postfix_text_next_item(&copy, &left);
        if (more != postfix_text_next_item(&site, &right))
            return false;
    } while (more && span_equal(left, right));
    return !more;
}

static const char *
without_ours(struct arena *arena, struct span copy, const char *ours)
{
    const char *text = "";
    struct buffer rest;
    struct span item;

    buffer_init(&rest, copy.length + 1);
    (void)postfix_text_list_remove(&rest, copy, ours);
    copy = arena_span(arena, buffer_span(&rest));
    text = arena_text(arena, copy);
    buffer_clear(&rest);
    for (struct span left = copy; postfix_text_next_item(&left, &item);) {
        if (!setup_undo_is_map(item))
            continue;
        buffer_init(&rest, copy.length + 1);
        (void)postfix_text_list_remove(&rest, copy, arena_text(arena, item));
        text = arena_text(arena, buffer_span(&rest));
        buffer_clear(&rest);
    }
    return text;
}

/* What our rewrite service has of the site's maps, and what the site has now. */
static void
compare_maps(struct setup_planner *planner)
{
    struct setup_plan *plan = planner->plan;
    const char *ours =
        arena_printf(planner->arena, "socketmap:%s:transport", planner->facts->route);
    struct postfix_service now;
    struct span copy = SPAN("");

    plan->maps_now = arena_text(planner->arena, planner->site_maps);
    if (!setup_planner_find_ours(planner, SETUP_REWRITE, "trivial-rewrite", &now) ||
        !service_options_find(now.arguments, "transport_maps", &copy))
        return;
    plan->maps_changed = !same_maps(copy, planner->site_maps, ours);
    plan->maps_copy = without_ours(planner->arena, copy, ours);
}

static bool
find_like(struct setup_planner *planner, struct error *error)
{
    const struct setup_facts *facts = planner->facts;

    if (facts->like == NULL)
        return true;
    if (!postfix_text_find_service(
            facts->services, span_of(facts->like), "unix", &planner->like))
        return error_permanent(
            error, "master.cf has no service %s of type unix to copy", facts->like);
    if (span_is(planner->like.command, "smtp") || span_is(planner->like.command, "lmtp"))
        return true;
    return error_permanent(error,
        "%s in master.cf is run by %s: ours can only be copies of an smtp or lmtp "
        "service",
        facts->like, arena_text(planner->arena, planner->like.command));
}

bool
setup_plan_find_rewrite(const struct setup_facts *facts, struct arena *arena,
    struct postfix_service *rewrite, struct error *error)
{
    struct setup_planner planner = {.facts = facts, .arena = arena};
    bool is_set;
    struct span name = setup_planner_value(&planner, "rewrite_service_name", &is_set);

    if (!is_set)
        name = SPAN("rewrite");
    return postfix_text_find_service(facts->services, name, "unix", rewrite) ||
           error_permanent(error, "master.cf has no service %s of type unix",
               arena_text(arena, name));
}

struct span
setup_plan_site_maps(const struct setup_facts *facts,
    const struct postfix_service *rewrite, struct arena *arena)
{
    struct setup_planner planner = {.facts = facts, .arena = arena};
    struct span maps;
    bool is_set;

    if (!service_options_find(rewrite->arguments, "transport_maps", &maps))
        maps = setup_planner_value(&planner, "transport_maps", &is_set);
    return maps;
}

bool
setup_plan_make(struct setup_plan *plan, enum setup_want want,
    const struct setup_facts *facts, struct arena *arena, struct error *error)
{
    struct setup_planner planner = {.facts = facts, .arena = arena, .plan = plan};
    bool is_set;
    struct span recipient;

    *plan = (struct setup_plan){.maps_copy = "", .maps_now = "", .copied = ""};
    if (!find_services(&planner, error) || !find_like(&planner, error))
        return false;
    if (want == SETUP_APPLY && !socket_reach_check(facts, &planner.rewrite, error))
        return false;
    planner.site_maps = setup_plan_site_maps(facts, &planner.rewrite, arena);
    if (want == SETUP_APPLY && !service_options_is_balanced(planner.site_maps))
        return error_permanent(error, "transport_maps has a brace without its partner: "
                                      "master.cf can't hold a copy");
    compare_maps(&planner);
    plan->verifies = !facts->by_filter && has_verification(facts);
    recipient = setup_planner_value(&planner, "smtpd_recipient_restrictions", &is_set);
    plan->wired = facts->by_filter ? postfix_text_list_has(recipient, "$postshift_policy")
                                   : setup_planner_is_on(&planner);
    if (want == SETUP_APPLY)
        setup_apply_plan(&planner);
    else if (want == SETUP_OFF)
        plan_off(&planner);
    else
        plan_remove(&planner);
    plan->copied = setup_delivery_copied(&planner);
    if (want == SETUP_APPLY)
        setup_notes_make(plan, facts, arena);
    return true;
}
