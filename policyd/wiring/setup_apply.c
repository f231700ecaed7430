#include "policyd/wiring/service_options.h"
#include "policyd/wiring/setup_planner.h"
#include "policyd/wiring/setup_undo.h"

static bool
wants_milter(const struct setup_milter *milter, struct span wired)
{
    /* One that is wired stays so while its daemon is down. */
    return milter->address[0] != '\0' &&
           (milter->present ||
               span_find_text(wired, span_of(milter->address)) != SPAN_NONE);
}

/* "" where no milter is wanted. */
static const char *
milters_text(struct setup_planner *planner)
{
    const char *text = "";
    bool is_set;
    struct span wired = setup_planner_value(planner, "postshift_milters", &is_set);

    for (size_t i = 0; i < planner->facts->milter_count; i++) {
        const struct setup_milter *milter = &planner->facts->milters[i];

        if (wants_milter(milter, wired))
            text = arena_printf(planner->arena, "%s%s{ %s, %s }", text,
                text[0] == '\0' ? "" : ", ", milter->address, milter->settings);
    }
    return text;
}

/* Ours, by this name, among the site's maps, which are asked in their order. */
static const char *
maps_text(struct setup_planner *planner, const char *name)
{
    struct arena *arena = planner->arena;
    struct span rest = planner->site_maps;
    struct span item;
    struct span before;
    const char *ours =
        arena_printf(arena, "socketmap:%s:%s", planner->facts->route, name);
    const char *copies = setup_undo_map(arena, planner->facts);

    for (size_t i = 0; i < planner->facts->maps_first; i++)
        (void)postfix_text_next_item(&rest, &item);
    before = span_trim(
        span_first(planner->site_maps, planner->site_maps.length - rest.length));
    while (span_starts(rest, SPAN(",")) || span_starts(rest, SPAN(" ")))
        rest = span_from(rest, 1);
    return arena_printf(arena, "%s%s%s%s%s%s%s", arena_text(arena, before),
        before.length > 0 ? ", " : "", ours, copies[0] != '\0' ? ", " : "", copies,
        rest.length > 0 ? ", " : "", arena_text(arena, rest));
}

static void
apply_parameters(struct setup_planner *planner)
{
    const char *milters = milters_text(planner);

    if (milters[0] != '\0')
        setup_planner_want_parameter(planner, "postshift_milters", milters);
    if (planner->facts->policy[0] != '\0')
        setup_planner_want_parameter(planner, "postshift_policy",
            arena_printf(planner->arena,
                "check_policy_service { %s, timeout=3s, try_limit=2, retry_delay=1s, "
                "default_action=%s }",
                planner->facts->policy,
                /* By filter nothing else routes: without an answer mail would go the
                 * site's way. */
                planner->facts->by_filter ? "DEFER_IF_PERMIT" : "DUNNO"));
}

static bool
has_use(struct setup_planner *planner, const struct setup_list *list)
{
    if (span_is(span_of(list->word), "$postshift_milters"))
        return milters_text(planner)[0] != '\0';
    if (span_is(span_of(list->word), "$postshift_policy"))
        return planner->facts->policy[0] != '\0';
    return true;
}

static void
add_to_lists(struct setup_planner *planner)
{
    for (size_t i = 0; i < SETUP_LISTS; i++) {
        const struct setup_list *list = &setup_lists[i];
        struct buffer value;
        bool is_set;
        struct span now = setup_planner_value(planner, list->parameter, &is_set);

        if (list->retired || !has_use(planner, list) ||
            postfix_text_list_has(now, list->word))
            continue;
        buffer_init(&value, now.length + 256);
        postfix_text_list_add(&value, now, is_set, list->word, list->first);
        setup_planner_want_parameter(planner, list->parameter, buffer_text(&value));
        buffer_clear(&value);
    }
}

/* Probes are routed as mail is, unless the site has them routed by maps of their own. */
static const char *
probe_setting(struct setup_planner *planner)
{
    static const char name[] = "address_verify_transport_maps";
    bool is_set;
    struct span own;

    (void)setup_planner_value(planner, name, &is_set);
    if (is_set || service_options_find(planner->rewrite.arguments, name, &own) ||
        !planner->plan->verifies)
        return "";
    return arena_printf(planner->arena, " %s",
        service_options_write(
            planner->arena, name, span_of(maps_text(planner, SETUP_PROBE_NAME))));
}

/* What the site's rewrite service is started with goes for ours too, but for the maps. */
static void
apply_rewrite(struct setup_planner *planner)
{
    static const char *const own[] = {"transport_maps"};
    struct arena *arena = planner->arena;
    struct span site = planner->rewrite.arguments;
    struct postfix_service now;
    const char *wanted = arena_printf(arena, "%s%s %s%s",
        service_options_words(arena, site),
        service_options_settings(arena, site, own, ARRAY_LENGTH(own)),
        service_options_write(arena, own[0], span_of(maps_text(planner, SETUP_MAP_NAME))),
        probe_setting(planner));

    if (setup_planner_find_ours(planner, SETUP_REWRITE, "trivial-rewrite", &now) &&
        span_equal(now.chroot, planner->rewrite.chroot) &&
        span_is(span_of(arena_printf(arena, "%s%s",
                    service_options_words(arena, now.arguments),
                    service_options_settings(arena, now.arguments, NULL, 0))),
            wanted))
        return;
    setup_planner_write_service(
        planner, SETUP_REWRITE, &planner->rewrite, "trivial-rewrite", wanted);
}

/* Only where the site's is shorter, and not where the queue manager has its own. */
static void
apply_lifetime(struct setup_planner *planner, const char *name, uint64_t seconds)
{
    struct span own;

    if (service_options_find(planner->queue_manager.arguments, name, &own) ||
        seconds >= SETUP_LIFETIME_S)
        return;
    setup_planner_add(planner, "-P",
        arena_printf(planner->arena, "%s/%s=" SETUP_LIFETIME,
            setup_planner_queue_manager(planner), name));
}

void
setup_apply_plan(struct setup_planner *planner)
{
    const struct setup_facts *facts = planner->facts;

    apply_parameters(planner);
    add_to_lists(planner);
    setup_delivery_plan(planner);
    if (!facts->by_filter)
        apply_rewrite(planner);
    setup_undo_plan(planner);
    setup_planner_drop_words(planner, true);
    apply_lifetime(planner, "maximal_queue_lifetime", facts->queue_lifetime);
    apply_lifetime(planner, "bounce_queue_lifetime", facts->bounce_lifetime);
    if (facts->by_filter) {
        setup_planner_switch_off(planner);
        setup_planner_drop_service(planner, SETUP_REWRITE);
    } else {
        setup_planner_want_override(planner, setup_planner_queue_manager(planner),
            planner->queue_manager.arguments, "rewrite_service_name", SETUP_REWRITE);
    }
    if (planner->plan->count > 0)
        setup_planner_add(planner, NULL, NULL);
    setup_planner_drop_parameters(planner, true);
}
