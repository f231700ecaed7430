#include "policyd/wiring/setup_planner.h"

/* The anchor that marks mail received by SMTP: made once, then kept. */
static const char *
find_anchor(struct setup_planner *planner)
{
    static const size_t digits = 16;
    const struct span before = SPAN("X-Cutover-Mark: ");
    bool is_set;
    struct span mark = setup_planner_value(planner, "postshift_mark", &is_set);
    size_t place = span_find_text(mark, before);
    struct span anchor;

    if (place == SPAN_NONE)
        return planner->facts->anchor;
    anchor = span_first(span_from(mark, place + before.length), digits);
    for (size_t i = 0; i < anchor.length; i++) {
        if (span_find(SPAN("0123456789abcdef"), anchor.data[i]) == SPAN_NONE)
            return planner->facts->anchor;
    }
    return anchor.length == digits ? arena_text(planner->arena, anchor)
                                   : planner->facts->anchor;
}

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

static const char *
maps_text(struct setup_planner *planner)
{
    return arena_printf(planner->arena, "socketmap:%s:transport%s%s",
        planner->facts->route, planner->site_maps.length > 0 ? ", " : "",
        arena_text(planner->arena, planner->site_maps));
}

static void
apply_parameters(struct setup_planner *planner)
{
    struct arena *arena = planner->arena;
    const char *milters = milters_text(planner);
    const char *anchor = find_anchor(planner);

    if (milters[0] != '\0')
        setup_planner_want_parameter(planner, "postshift_milters", milters);
    if (planner->facts->policy[0] != '\0')
        setup_planner_want_parameter(planner, "postshift_policy",
            arena_printf(arena,
                "check_policy_service { %s, timeout=3s, try_limit=2, retry_delay=1s, "
                "default_action=%s }",
                planner->facts->policy,
                /* By filter nothing else routes: without an answer mail would go the
                 * site's way. */
                planner->facts->by_filter ? "DEFER_IF_PERMIT" : "DUNNO"));
    if (!planner->facts->by_filter)
        setup_planner_want_parameter(
            planner, "postshift_transport_maps", maps_text(planner));
    setup_planner_want_parameter(planner, "postshift_mark",
        arena_printf(
            arena, "check_client_access static:{PREPEND X-Cutover-Mark: %s}", anchor));
    setup_planner_want_parameter(
        planner, "postshift_unmark", "regexp:{{/^X-Cutover-Mark:/ IGNORE}}");
    /* A 5xx said to RCPT becomes 4xx; $$ since main.cf expands $. */
    setup_planner_want_parameter(planner, "postshift_status",
        "regexp:{{/^5(\\.[0-9]+\\.[0-9]+ .* said: 5.*in reply to RCPT TO command.*)/ "
        "4$$1}}");
    for (size_t i = 0; i < SETUP_DELIVERIES; i += 2) {
        const char *backend = setup_deliveries[i].backend;

        setup_planner_want_parameter(planner,
            arena_printf(arena, "postshift_stamp_%s", backend),
            arena_printf(arena,
                "regexp:{{/^X-Cutover-Backend:/ IGNORE} {/^X-Cutover-Mark: %s/ REPLACE "
                "X-Cutover-Backend: %s} {/^X-Cutover-Mark:/ IGNORE}}",
                anchor, backend));
    }
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

        if (!has_use(planner, list) || postfix_text_list_has(now, list->word))
            continue;
        buffer_init(&value, now.length + 256);
        postfix_text_list_add(&value, now, is_set, list->word, list->first);
        setup_planner_want_parameter(planner, list->parameter, buffer_text(&value));
        buffer_clear(&value);
    }
}

static void
apply_services(struct setup_planner *planner)
{
    for (size_t i = 0; i < SETUP_DELIVERIES; i++)
        setup_planner_want_service(
            planner, setup_deliveries[i].service, setup_deliveries[i].command, "");
}

static void
apply_overrides(struct setup_planner *planner)
{
    struct arena *arena = planner->arena;

    for (size_t i = 0; i < SETUP_DELIVERIES; i++) {
        const struct setup_delivery *row = &setup_deliveries[i];
        const char *service = arena_printf(arena, "%s/unix", row->service);
        struct span now = setup_planner_arguments(planner, row->service, row->command);

        setup_planner_want_override(planner, service, now, "syslog_name",
            arena_printf(arena, "postfix/cutover-%s", row->backend));
        setup_planner_want_override(planner, service, now,
            arena_printf(arena, "%s_header_checks", row->command),
            arena_printf(arena, "$postshift_stamp_%s", row->backend));
        setup_planner_want_override(planner, service, now,
            arena_printf(arena, "%s_delivery_status_filter", row->command),
            "$postshift_status");
    }
}

/* What the site's rewrite service is started with goes for ours too, but for the maps. */
static const char *
rewrite_arguments(struct setup_planner *planner)
{
    struct span rest = planner->rewrite.arguments;
    struct span argument;
    const char *text = "";
    const char *pending = ""; /* a -o whose setting isn't known yet */
    bool braced;

    while (postfix_text_next_argument(&rest, &argument, &braced)) {
        bool is_option = !braced && span_is(argument, "-o");
        struct span name = span_trim(span_first(argument, span_find(argument, '=')));

        if (!is_option && pending[0] != '\0' && span_is(name, "transport_maps")) {
            pending = "";
            continue;
        }
        if (is_option) {
            pending = "-o ";
            continue;
        }
        text = arena_printf(planner->arena, "%s%s%s%s%s%s", text,
            text[0] == '\0' ? "" : " ", pending, braced ? "{" : "",
            arena_text(planner->arena, argument), braced ? "}" : "");
        pending = "";
    }
    return text;
}

static void
apply_lifetime(struct setup_planner *planner)
{
    struct span own;

    if (postfix_text_override(
            planner->queue_manager.arguments, "maximal_queue_lifetime", &own) ||
        planner->facts->queue_lifetime >= SETUP_LIFETIME_S)
        return;
    setup_planner_add(planner, "-P",
        arena_printf(planner->arena, "%s/maximal_queue_lifetime=" SETUP_LIFETIME,
            setup_planner_queue_manager(planner)));
}

/* The queue manager's own rewrite service, and last what switches it on. */
static void
apply_routing(struct setup_planner *planner)
{
    setup_planner_want_override(planner, SETUP_REWRITE "/unix",
        setup_planner_arguments(planner, SETUP_REWRITE, "trivial-rewrite"),
        "transport_maps", "$postshift_transport_maps");
    setup_planner_want_override(planner, setup_planner_queue_manager(planner),
        planner->queue_manager.arguments, "rewrite_service_name", SETUP_REWRITE);
}

void
setup_apply_plan(struct setup_planner *planner)
{
    bool by_filter = planner->facts->by_filter;

    apply_parameters(planner);
    add_to_lists(planner);
    apply_services(planner);
    if (!by_filter)
        setup_planner_want_service(
            planner, SETUP_REWRITE, "trivial-rewrite", rewrite_arguments(planner));
    apply_overrides(planner);
    apply_lifetime(planner);
    if (by_filter) {
        setup_planner_switch_off(planner);
        setup_planner_drop_service(planner, SETUP_REWRITE);
    } else {
        apply_routing(planner);
    }
    if (planner->plan->count > 0)
        setup_planner_add(planner, NULL, NULL);
}
