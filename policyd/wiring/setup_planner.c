#include "policyd/wiring/setup_planner.h"

#include <assert.h>

const struct setup_list setup_lists[SETUP_LISTS] = {
    {"smtpd_milters",                "$postshift_milters", false, false},
    {"smtpd_recipient_restrictions", "$postshift_policy",  true,  false},
    {"smtpd_data_restrictions",      "$postshift_mark",    true,  true },
    {"smtp_header_checks",           "$postshift_unmark",  true,  true },
    {"lmtp_header_checks",           "$postshift_unmark",  true,  true },
};

/* What we set or once set in main.cf: `postconf -n` doesn't show what nothing uses. */
static const struct {
    const char *name;
    bool retired;
} parameters[] = {
    {"postshift_milters",        false},
    {"postshift_policy",         false},
    {"postshift_transport_maps", true },
    {"postshift_mark",           true },
    {"postshift_unmark",         true },
    {"postshift_status",         true },
    {"postshift_stamp_old",      true },
    {"postshift_stamp_new",      true },
    {"postshift_stamp_standby",  true },
};

const struct setup_delivery setup_deliveries[SETUP_DELIVERIES] = {
    {"old",     "cutover-old",          "smtp"},
    {"old",     "cutover-old-lmtp",     "lmtp"},
    {"new",     "cutover-new",          "smtp"},
    {"new",     "cutover-new-lmtp",     "lmtp"},
    {"standby", "cutover-standby",      "smtp"},
    {"standby", "cutover-standby-lmtp", "lmtp"},
};

const struct setup_delivery setup_probes[SETUP_PROBES] = {
    {"verify", "cutover-verify",      "smtp"},
    {"verify", "cutover-verify-lmtp", "lmtp"},
};

void
setup_planner_add(struct setup_planner *planner, const char *flag, const char *argument)
{
    assert(planner->plan->count < SETUP_STEPS_MAX);
    planner->plan->steps[planner->plan->count++] = (struct setup_step){flag, argument};
}

struct span
setup_planner_value(struct setup_planner *planner, const char *name, bool *is_set)
{
    struct buffer value;
    struct span copy;

    buffer_init(&value, planner->facts->main_cf.length + 1);
    *is_set = postfix_text_value(planner->facts->main_cf, name, &value);
    copy = arena_span(planner->arena, buffer_span(&value));
    buffer_clear(&value);
    return copy;
}

void
setup_planner_want_parameter(
    struct setup_planner *planner, const char *name, const char *value)
{
    bool is_set;
    struct span now = setup_planner_value(planner, name, &is_set);

    if (!is_set || !span_is(now, value))
        setup_planner_add(
            planner, "-e", arena_printf(planner->arena, "%s = %s", name, value));
}

void
setup_planner_want_override(struct setup_planner *planner, const char *service,
    struct span arguments, const char *name, const char *value)
{
    struct span now;

    if (!postfix_text_override(arguments, name, &now) || !span_is(now, value))
        setup_planner_add(planner, "-P",
            arena_printf(planner->arena, "%s/%s=%s", service, name, value));
}

void
setup_planner_drop_override(
    struct setup_planner *planner, const char *service, const char *name)
{
    setup_planner_add(
        planner, "-PX", arena_printf(planner->arena, "%s/%s", service, name));
}

bool
setup_planner_find_ours(struct setup_planner *planner, const char *name,
    const char *command, struct postfix_service *service)
{
    return postfix_text_find_service(
               planner->facts->services, span_of(name), "unix", service) &&
           span_is(service->command, command);
}

void
setup_planner_write_service(struct setup_planner *planner, const char *name,
    const struct postfix_service *base, const char *command, const char *arguments)
{
    struct arena *arena = planner->arena;

    setup_planner_add(planner, "-M",
        arena_printf(arena, "%s/unix=%s unix %s %s %s %s %s %s%s", name, name,
            arena_text(arena, base->private), arena_text(arena, base->unprivileged),
            arena_text(arena, base->chroot), arena_text(arena, base->wakeup),
            arena_text(arena, base->processes), command, arguments));
}

void
setup_planner_drop_words(struct setup_planner *planner, bool retired_only)
{
    for (size_t i = 0; i < SETUP_LISTS; i++) {
        const struct setup_list *list = &setup_lists[i];
        struct buffer value;
        bool is_set;
        struct span now = setup_planner_value(planner, list->parameter, &is_set);

        if ((retired_only && !list->retired) || !postfix_text_list_has(now, list->word))
            continue;
        buffer_init(&value, now.length + 1);
        if (postfix_text_list_remove(&value, now, list->word))
            setup_planner_want_parameter(planner, list->parameter, buffer_text(&value));
        else
            setup_planner_add(planner, "-X", list->parameter);
        buffer_clear(&value);
    }
}

void
setup_planner_drop_parameters(struct setup_planner *planner, bool retired_only)
{
    for (size_t i = 0; i < ARRAY_LENGTH(parameters); i++) {
        bool is_set;

        (void)setup_planner_value(planner, parameters[i].name, &is_set);
        if (is_set && (parameters[i].retired || !retired_only))
            setup_planner_add(planner, "-X", parameters[i].name);
    }
}

void
setup_planner_drop_service(struct setup_planner *planner, const char *name)
{
    struct postfix_service now;

    if (postfix_text_find_service(planner->facts->services, span_of(name), "unix", &now))
        setup_planner_add(planner, "-MX", arena_printf(planner->arena, "%s/unix", name));
}

const char *
setup_planner_queue_manager(struct setup_planner *planner)
{
    return arena_printf(planner->arena, "qmgr/%s",
        arena_text(planner->arena, planner->queue_manager.type));
}

bool
setup_planner_is_on(const struct setup_planner *planner)
{
    struct span name;

    return postfix_text_override(
               planner->queue_manager.arguments, "rewrite_service_name", &name) &&
           span_is(name, SETUP_REWRITE);
}

void
setup_planner_switch_off(struct setup_planner *planner)
{
    if (setup_planner_is_on(planner))
        setup_planner_drop_override(
            planner, setup_planner_queue_manager(planner), "rewrite_service_name");
}
