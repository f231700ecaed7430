#include "policyd/ctl/setup_plan.h"

#include "policyd/ctl/postfix_text.h"
#include "policyd/ctl/setup_notes.h"

#include <assert.h>

#define REWRITE_SERVICE "rewrite-cutover"

/* What a plan is made from, and the plan. */
struct planner {
    const struct setup_facts *facts;
    struct arena *arena;
    struct setup_plan *plan;
    struct postfix_service queue_manager;
    struct postfix_service rewrite; /* the site's own */
    struct span site_maps;          /* transport_maps as the site's rewrite has them */
    const char *anchor;
};

/* The site's lists and the word that stands in each. */
static const struct list {
    const char *parameter;
    const char *word;
    bool first; /* behind permit_mynetworks the policy would never see a backend */
} lists[] = {
    {"smtpd_milters",                "$postshift_milters", false},
    {"smtpd_recipient_restrictions", "$postshift_policy",  true },
    {"smtpd_data_restrictions",      "$postshift_mark",    true },
    {"smtp_header_checks",           "$postshift_unmark",  true },
    {"lmtp_header_checks",           "$postshift_unmark",  true },
};

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

static const struct delivery {
    const char *backend;
    const char *service;
    const char *command; /* also the prefix of its parameters */
} deliveries[] = {
    {"old",     "cutover-old",          "smtp"},
    {"old",     "cutover-old-lmtp",     "lmtp"},
    {"new",     "cutover-new",          "smtp"},
    {"new",     "cutover-new-lmtp",     "lmtp"},
    {"standby", "cutover-standby",      "smtp"},
    {"standby", "cutover-standby-lmtp", "lmtp"},
};

static void
add_step(struct planner *planner, const char *flag, const char *argument)
{
    assert(planner->plan->count < SETUP_STEPS_MAX);
    planner->plan->steps[planner->plan->count++] = (struct setup_step){flag, argument};
}

/* The value in main.cf; the empty span where it isn't set. */
static struct span
value_of(struct planner *planner, const char *name, bool *is_set)
{
    struct buffer value;
    struct span copy;

    buffer_init(&value, planner->facts->main_cf.length + 1);
    *is_set = postfix_text_value(planner->facts->main_cf, name, &value);
    copy = arena_span(planner->arena, buffer_span(&value));
    buffer_clear(&value);
    return copy;
}

static void
want_parameter(struct planner *planner, const char *name, const char *value)
{
    bool is_set;
    struct span now = value_of(planner, name, &is_set);

    if (!is_set || !span_is(now, value))
        add_step(planner, "-e", arena_printf(planner->arena, "%s = %s", name, value));
}

/* `service` is "name/type"; `arguments` is what its entry has now. */
static void
want_override(struct planner *planner, const char *service, struct span arguments,
    const char *name, const char *value)
{
    struct span now;

    if (!postfix_text_override(arguments, name, &now) || !span_is(now, value))
        add_step(planner, "-P",
            arena_printf(planner->arena, "%s/%s=%s", service, name, value));
}

static void
drop_override(struct planner *planner, const char *service, const char *name)
{
    add_step(planner, "-PX", arena_printf(planner->arena, "%s/%s", service, name));
}

/* The arguments of our entry as it is; makes the entry where it isn't there. */
static struct span
want_service(
    struct planner *planner, const char *name, const char *command, const char *arguments)
{
    struct postfix_service now;
    const char *chroot = arena_text(planner->arena, planner->rewrite.chroot);

    if (postfix_text_find_service(
            planner->facts->services, span_of(name), "unix", &now) &&
        span_is(now.command, command))
        return now.arguments;
    add_step(planner, "-M",
        arena_printf(planner->arena, "%s/unix=%s unix - - %s - - %s%s%s", name, name,
            chroot, command, arguments[0] == '\0' ? "" : " ", arguments));
    return span_of("");
}

static void
drop_service(struct planner *planner, const char *name)
{
    struct postfix_service now;

    if (postfix_text_find_service(planner->facts->services, span_of(name), "unix", &now))
        add_step(planner, "-MX", arena_printf(planner->arena, "%s/unix", name));
}

static const char *
queue_manager_name(struct planner *planner)
{
    return arena_printf(planner->arena, "qmgr/%s",
        arena_text(planner->arena, planner->queue_manager.type));
}

static bool
asks_us(const struct planner *planner)
{
    struct span name;

    return postfix_text_override(
               planner->queue_manager.arguments, "rewrite_service_name", &name) &&
           span_is(name, REWRITE_SERVICE);
}

/* The anchor that marks mail received by SMTP: made once, then kept. */
static const char *
find_anchor(struct planner *planner)
{
    static const size_t digits = 16;
    const struct span before = SPAN("X-Cutover-Mark: ");
    bool is_set;
    struct span mark = value_of(planner, "postshift_mark", &is_set);
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
milters_text(struct planner *planner)
{
    const char *text = "";
    bool is_set;
    struct span wired = value_of(planner, "postshift_milters", &is_set);

    for (size_t i = 0; i < planner->facts->milter_count; i++) {
        const struct setup_milter *milter = &planner->facts->milters[i];

        if (wants_milter(milter, wired))
            text = arena_printf(planner->arena, "%s%s{ %s, %s }", text,
                text[0] == '\0' ? "" : ", ", milter->address, milter->settings);
    }
    return text;
}

static const char *
maps_text(struct planner *planner)
{
    return arena_printf(planner->arena, "socketmap:%s:transport%s%s",
        planner->facts->route, planner->site_maps.length > 0 ? ", " : "",
        arena_text(planner->arena, planner->site_maps));
}

static void
apply_parameters(struct planner *planner)
{
    struct arena *arena = planner->arena;
    const char *milters = milters_text(planner);

    if (milters[0] != '\0')
        want_parameter(planner, "postshift_milters", milters);
    if (planner->facts->policy[0] != '\0')
        want_parameter(planner, "postshift_policy",
            arena_printf(arena,
                "check_policy_service { %s, timeout=3s, try_limit=2, retry_delay=1s, "
                "default_action=%s }",
                planner->facts->policy,
                /* By filter nothing else routes: without an answer mail would go the
                 * site's way. */
                planner->facts->by_filter ? "DEFER_IF_PERMIT" : "DUNNO"));
    if (!planner->facts->by_filter)
        want_parameter(planner, "postshift_transport_maps", maps_text(planner));
    want_parameter(planner, "postshift_mark",
        arena_printf(arena, "check_client_access static:{PREPEND X-Cutover-Mark: %s}",
            planner->anchor));
    want_parameter(planner, "postshift_unmark", "regexp:{{/^X-Cutover-Mark:/ IGNORE}}");
    /* A 5xx said to RCPT becomes 4xx; $$ since main.cf expands $. */
    want_parameter(planner, "postshift_status",
        "regexp:{{/^5(\\.[0-9]+\\.[0-9]+ .* said: 5.*in reply to RCPT TO command.*)/ "
        "4$$1}}");
    for (size_t i = 0; i < ARRAY_LENGTH(deliveries); i += 2) {
        const char *backend = deliveries[i].backend;

        want_parameter(planner, arena_printf(arena, "postshift_stamp_%s", backend),
            arena_printf(arena,
                "regexp:{{/^X-Cutover-Backend:/ IGNORE} {/^X-Cutover-Mark: %s/ REPLACE "
                "X-Cutover-Backend: %s} {/^X-Cutover-Mark:/ IGNORE}}",
                planner->anchor, backend));
    }
}

static bool
has_use(struct planner *planner, const struct list *list)
{
    if (span_is(span_of(list->word), "$postshift_milters"))
        return milters_text(planner)[0] != '\0';
    if (span_is(span_of(list->word), "$postshift_policy"))
        return planner->facts->policy[0] != '\0';
    return true;
}

static void
add_to_lists(struct planner *planner)
{
    for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
        const struct list *list = &lists[i];
        struct buffer value;
        bool is_set;
        struct span now = value_of(planner, list->parameter, &is_set);

        if (!has_use(planner, list) || postfix_text_list_has(now, list->word))
            continue;
        buffer_init(&value, now.length + 256);
        postfix_text_list_add(&value, now, is_set, list->word, list->first);
        want_parameter(planner, list->parameter, buffer_text(&value));
        buffer_clear(&value);
    }
}

static void
remove_from_lists(struct planner *planner)
{
    for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
        const struct list *list = &lists[i];
        struct buffer value;
        bool is_set;
        struct span now = value_of(planner, list->parameter, &is_set);

        if (!postfix_text_list_has(now, list->word))
            continue;
        buffer_init(&value, now.length + 1);
        if (postfix_text_list_remove(&value, now, list->word))
            want_parameter(planner, list->parameter, buffer_text(&value));
        else
            add_step(planner, "-X", list->parameter);
        buffer_clear(&value);
    }
}

static void
apply_deliveries(struct planner *planner)
{
    struct arena *arena = planner->arena;

    for (size_t i = 0; i < ARRAY_LENGTH(deliveries); i++) {
        const struct delivery *row = &deliveries[i];
        const char *service = arena_printf(arena, "%s/unix", row->service);
        struct span now = want_service(planner, row->service, row->command, "");

        want_override(planner, service, now, "syslog_name",
            arena_printf(arena, "postfix/cutover-%s", row->backend));
        want_override(planner, service, now,
            arena_printf(arena, "%s_header_checks", row->command),
            arena_printf(arena, "$postshift_stamp_%s", row->backend));
        want_override(planner, service, now,
            arena_printf(arena, "%s_delivery_status_filter", row->command),
            "$postshift_status");
    }
}

/* What the site's rewrite service is started with goes for ours too, but for the maps. */
static const char *
rewrite_arguments(struct planner *planner)
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
apply_lifetime(struct planner *planner)
{
    struct span own;

    if (postfix_text_override(
            planner->queue_manager.arguments, "maximal_queue_lifetime", &own) ||
        planner->facts->queue_lifetime >= SETUP_LIFETIME_S)
        return;
    add_step(planner, "-P",
        arena_printf(planner->arena, "%s/maximal_queue_lifetime=" SETUP_LIFETIME,
            queue_manager_name(planner)));
}

static void
switch_off(struct planner *planner)
{
    if (asks_us(planner))
        drop_override(planner, queue_manager_name(planner), "rewrite_service_name");
}

static void
plan_apply(struct planner *planner)
{
    apply_parameters(planner);
    add_to_lists(planner);
    apply_deliveries(planner);
    apply_lifetime(planner);
    if (planner->facts->by_filter) {
        switch_off(planner);
        drop_service(planner, REWRITE_SERVICE);
    } else {
        struct span now = want_service(
            planner, REWRITE_SERVICE, "trivial-rewrite", rewrite_arguments(planner));

        want_override(planner, REWRITE_SERVICE "/unix", now, "transport_maps",
            "$postshift_transport_maps");
        /* Last: this switches it on. */
        want_override(planner, queue_manager_name(planner),
            planner->queue_manager.arguments, "rewrite_service_name", REWRITE_SERVICE);
    }
    if (planner->plan->count > 0)
        add_step(planner, NULL, NULL);
}

static void
plan_remove(struct planner *planner)
{
    struct span lifetime;

    switch_off(planner);
    if (postfix_text_override(
            planner->queue_manager.arguments, "maximal_queue_lifetime", &lifetime) &&
        span_is(lifetime, SETUP_LIFETIME))
        drop_override(planner, queue_manager_name(planner), "maximal_queue_lifetime");
    remove_from_lists(planner);
    drop_service(planner, REWRITE_SERVICE);
    for (size_t i = 0; i < ARRAY_LENGTH(deliveries); i++)
        drop_service(planner, deliveries[i].service);
    /* A service that still ran would take an undefined parameter for an empty one: mail
     * would go past our maps. */
    if (planner->plan->count > 0)
        add_step(planner, NULL, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(parameters); i++) {
        bool is_set;

        (void)value_of(planner, parameters[i], &is_set);
        if (is_set)
            add_step(planner, "-X", parameters[i]);
    }
}

/* The services that ours are made after. */
static bool
find_services(struct planner *planner, struct error *error)
{
    const struct setup_facts *facts = planner->facts;
    struct span name;
    bool is_set;

    if (!postfix_text_find_service(
            facts->services, SPAN("qmgr"), NULL, &planner->queue_manager))
        return error_permanent(error, "master.cf has no service qmgr");
    if (postfix_text_override(
            planner->queue_manager.arguments, "rewrite_service_name", &name) &&
        !span_is(name, REWRITE_SERVICE))
        return error_permanent(error,
            "qmgr in master.cf has a rewrite_service_name of its own already (%s)",
            arena_text(planner->arena, name));
    name = value_of(planner, "rewrite_service_name", &is_set);
    if (!is_set)
        name = SPAN("rewrite");
    if (!postfix_text_find_service(facts->services, name, "unix", &planner->rewrite))
        return error_permanent(error, "master.cf has no service %s of type unix",
            arena_text(planner->arena, name));
    return true;
}

static bool
check_sockets(const struct planner *planner, struct error *error)
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
find_maps(struct planner *planner)
{
    bool is_set;

    if (!postfix_text_override(
            planner->rewrite.arguments, "transport_maps", &planner->site_maps))
        planner->site_maps = value_of(planner, "transport_maps", &is_set);
}

static void
compare_maps(struct planner *planner)
{
    struct setup_plan *plan = planner->plan;
    bool is_set;
    struct span copy = value_of(planner, "postshift_transport_maps", &is_set);
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
    struct planner planner = {.facts = facts, .arena = arena, .plan = plan};
    bool is_set;
    struct span recipient;

    *plan = (struct setup_plan){.maps_copy = "", .maps_now = ""};
    if (!find_services(&planner, error))
        return false;
    if (want == SETUP_APPLY && !check_sockets(&planner, error))
        return false;
    find_maps(&planner);
    compare_maps(&planner);
    planner.anchor = find_anchor(&planner);
    recipient = value_of(&planner, "smtpd_recipient_restrictions", &is_set);
    plan->wired = facts->by_filter ? postfix_text_list_has(recipient, "$postshift_policy")
                                   : asks_us(&planner);
    if (want == SETUP_APPLY)
        plan_apply(&planner);
    else
        plan_remove(&planner);
    if (want == SETUP_APPLY)
        setup_notes_make(plan, facts, arena);
    return true;
}
