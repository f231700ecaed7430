/*
 * Our delivery services: each begins as a copy of the service that carries the mail
 * today, and is made ours by a log name, a stamp and a filter.
 *
 * The stamp: with flags=R smtp(8) puts a Return-Path field before each copy, where there
 * is none, since cleanup(8) takes away what came with the mail; the header checks make it
 * X-Cutover-Backend.  So each copy gets exactly one, whatever way the mail came in, and
 * no other service's mail has anything of ours in it.
 */
#include "policyd/wiring/service_options.h"
#include "policyd/wiring/setup_planner.h"
#include "shared/base/number.h"

/*
 * What ends a recipient's mail becomes a wait, unless it was said after the content, or
 * is a property of the message: its size, 8-bit text that can't be made 7-bit.  "$$"
 * since the value is expanded as main.cf's are.
 */
#define STATUS_FILTER                                                                    \
    "regexp:{{if !/\\(in reply to end of DATA command\\)$$/} "                           \
    "{if !/^5\\.3\\.4 message size [0-9]+ exceeds size limit|^5\\.6\\.0 MIME /} "        \
    "{/^5(\\.[0-9]+\\.[0-9]+ .*)/ 4$$1} {endif} {endif}}"

/* Of the queue manager's parameters, those that a service has by its name. */
static const char *const limits[] = {
    "destination_concurrency_failed_cohort_limit",
    "destination_concurrency_limit",
    "destination_concurrency_negative_feedback",
    "destination_concurrency_positive_feedback",
    "destination_rate_delay",
    "destination_recipient_limit",
    "delivery_slot_cost",
    "delivery_slot_discount",
    "delivery_slot_loan",
    "extra_recipient_limit",
    "initial_destination_concurrency",
    "minimum_delivery_slots",
    "recipient_limit",
    "recipient_refill_delay",
    "recipient_refill_limit",
    "transport_rate_delay",
};

/* What makes an entry ours; the rest of it is the site's. */
enum { OURS = 5 };
struct own_options {
    const char *names[OURS];
    const char *values[OURS];
    const char *flags; /* R among them */
};

static bool
can_copy(const struct setup_planner *planner, const struct setup_delivery *row)
{
    return planner->like.name.length > 0 && span_is(planner->like.command, row->command);
}

/* What the service that we copy has for one of its checks, else main.cf. */
static struct span
site_checks(struct setup_planner *planner, const struct setup_delivery *row,
    const char *name, const char *retired_word)
{
    struct buffer rest;
    struct span value;
    bool is_set;

    if (!can_copy(planner, row) ||
        !service_options_find(planner->like.arguments, name, &value))
        value = setup_planner_value(planner, name, &is_set);
    buffer_init(&rest, value.length + 1);
    (void)postfix_text_list_remove(&rest, value, retired_word);
    value = span_trim(arena_span(planner->arena, buffer_span(&rest)));
    buffer_clear(&rest);
    /* "," alone is what our own word once left of an empty list. */
    while (span_starts(value, SPAN(",")))
        value = span_trim(span_from(value, 1));
    return service_options_is_balanced(value) ? value : SPAN("");
}

static const char *
with_site(struct arena *arena, const char *ours, struct span site)
{
    return site.length == 0
               ? ours
               : arena_printf(arena, "%s, %s", ours, arena_text(arena, site));
}

static const char *
status_filter(struct setup_planner *planner, const struct setup_delivery *row)
{
    struct span site = site_checks(planner, row,
        arena_printf(planner->arena, "%s_delivery_status_filter", row->command),
        "$postshift_status");
    bool is_set;

    if (site.length == 0)
        site = setup_planner_value(planner, "default_delivery_status_filter", &is_set);
    return with_site(planner->arena, STATUS_FILTER, site);
}

/* One that had flags=R of its own keeps its Return-Path.  X-Cutover-Mark is of earlier
 * versions; mail that has one may be in the queue still. */
static void
make_stamp(struct setup_planner *planner, const struct setup_delivery *row,
    struct span arguments, struct own_options *own)
{
    struct arena *arena = planner->arena;
    struct span flags = service_options_flags(arguments);
    struct span checks = SPAN("");
    bool keeps = span_find(flags, 'R') != SPAN_NONE;

    (void)service_options_find(arguments, own->names[1], &checks);
    if (span_find_text(checks, SPAN("/^Return-Path:/ REPLACE")) != SPAN_NONE)
        keeps = false;
    own->flags = arena_printf(arena, "%s%s", arena_text(arena, flags),
        span_find(flags, 'R') != SPAN_NONE ? "" : "R");
    own->values[1] = with_site(arena,
        arena_printf(arena,
            "regexp:{{/^X-Cutover-(Backend|Mark):/ IGNORE} {/^Return-Path:/ %s "
            "X-Cutover-Backend: %s}}",
            keeps ? "PREPEND" : "REPLACE", row->backend),
        site_checks(planner, row, own->names[1], "$postshift_unmark"));
}

/* From 1 on the log says which version of TLS a delivery had; a site that wants to hear
 * more goes on hearing it. */
static const char *
tls_loglevel(struct setup_planner *planner, const char *name, struct span arguments)
{
    struct span value;
    uint64_t level;
    bool is_set;

    if (!service_options_find(arguments, name, &value))
        value = setup_planner_value(planner, name, &is_set);
    value = span_trim(value);
    if (value.length == 0 || (number_unsigned(value, UINT64_MAX, &level) && level < 1))
        return "1";
    return arena_text(planner->arena, value);
}

static struct own_options
make_own(struct setup_planner *planner, const struct setup_delivery *row,
    struct span arguments)
{
    struct arena *arena = planner->arena;
    struct own_options own = {
        .names =
            {
                    "syslog_name",  arena_printf(arena, "%s_header_checks", row->command),
                    arena_printf(arena, "%s_delivery_status_filter", row->command),
                    arena_printf(arena, "%s_fallback_relay", row->command),
                    arena_printf(arena, "%s_tls_loglevel", row->command),
                    },
        .values =
            {
                    [0] = arena_printf(arena, "postfix/cutover-%s",                 row->backend),
                    [2] = status_filter(planner,                row),
                    /* Mail of one backend must not go to whoever takes the rest. */
                [3] = "",
                    },
    };

    own.values[4] = tls_loglevel(planner, own.names[4], arguments);
    make_stamp(planner, row, arguments, &own);
    return own;
}

static bool
is_ours_already(struct span arguments, const struct own_options *own)
{
    struct span value;

    for (size_t i = 0; i < OURS; i++) {
        if (!service_options_find(arguments, own->names[i], &value) ||
            !span_is(value, own->values[i]))
            return false;
    }
    return span_is(service_options_flags(arguments), own->flags);
}

static void
write_entry(struct setup_planner *planner, const struct setup_delivery *row,
    const struct postfix_service *base, const struct own_options *own)
{
    struct arena *arena = planner->arena;
    const char *text =
        arena_printf(arena, "%s%s", service_options_words(arena, base->arguments),
            service_options_settings(arena, base->arguments, own->names, OURS));

    for (size_t i = 0; i < OURS; i++)
        text = arena_printf(arena, "%s %s", text,
            service_options_write(arena, own->names[i], span_of(own->values[i])));
    setup_planner_write_service(planner, row->service, base, row->command,
        arena_printf(arena, "%s flags=%s", text, own->flags));
}

/* Settings of the service copied that an entry of ours lacks, as text; "" for none. */
static const char *
missing_settings(
    struct setup_planner *planner, struct span arguments, const struct own_options *own)
{
    struct span rest = planner->like.arguments;
    struct service_option option;
    const char *text = "";
    struct span now;

    while (service_options_next(&rest, &option)) {
        const char *name = arena_text(planner->arena, option.name);
        bool is_own = false;

        for (size_t i = 0; i < OURS; i++)
            is_own = is_own || span_is(option.name, own->names[i]);
        if (!option.is_setting || is_own ||
            (service_options_find(arguments, name, &now) &&
                span_equal(now, option.value)))
            continue;
        text = arena_printf(planner->arena, "%s %s", text,
            service_options_write(planner->arena, name, option.value));
    }
    return text;
}

static struct postfix_service
base_of(const struct setup_planner *planner, const struct setup_delivery *row)
{
    return can_copy(planner, row) ? planner->like
                                  : (struct postfix_service){
                                        .private = SPAN("-"),
                                        .unprivileged = SPAN("-"),
                                        .chroot = planner->rewrite.chroot,
                                        .wakeup = SPAN("-"),
                                        .processes = SPAN("-"),
                                    };
}

/* What was copied once, and has been changed in the site's own service since. */
static void
note_lacking(
    struct setup_planner *planner, const struct setup_delivery *row, const char *missing)
{
    struct setup_plan *plan = planner->plan;
    const char *note = arena_printf(planner->arena,
        "%s lacks what %s has:%s (--apply --like %s takes it over)", row->service,
        planner->facts->like, missing, planner->facts->like);

    if (plan->note_count < SETUP_NOTES_MAX)
        plan->notes[plan->note_count++] = note;
    if (plan->lacking_count < SETUP_LACKING_MAX)
        plan->lacking[plan->lacking_count++] = note;
}

static void
plan_service(struct setup_planner *planner, const struct setup_delivery *row)
{
    struct postfix_service now;
    struct own_options own;
    const char *missing;

    if (!setup_planner_find_ours(planner, row->service, row->command, &now)) {
        now = base_of(planner, row);
        own = make_own(planner, row, now.arguments);
        write_entry(planner, row, &now, &own);
        return;
    }
    own = make_own(planner, row, now.arguments);
    missing =
        can_copy(planner, row) ? missing_settings(planner, now.arguments, &own) : "";
    if (missing[0] != '\0' && planner->facts->like_is_told) {
        own = make_own(planner, row, planner->like.arguments);
        write_entry(planner, row, &planner->like, &own);
        return;
    }
    if (missing[0] != '\0')
        note_lacking(planner, row, missing);
    if (!is_ours_already(now.arguments, &own))
        write_entry(planner, row, &now, &own);
}

static const char *
limit_name(struct arena *arena, const char *service, const char *limit)
{
    return arena_printf(arena, "%s_%s", service, limit);
}

static void
plan_limits(struct setup_planner *planner, const struct setup_delivery *row)
{
    const char *like = arena_text(planner->arena, planner->like.name);

    for (size_t i = 0; i < ARRAY_LENGTH(limits); i++) {
        const char *name = limit_name(planner->arena, row->service, limits[i]);
        bool has_own;
        bool is_set;
        struct span value = setup_planner_value(
            planner, limit_name(planner->arena, like, limits[i]), &is_set);

        (void)setup_planner_value(planner, name, &has_own);
        if (is_set && (!has_own || planner->facts->like_is_told))
            setup_planner_want_parameter(
                planner, name, arena_text(planner->arena, value));
    }
}

/* For probes, whose answer is to be the backend's own: no stamp and no filter. */
static void
plan_probe(struct setup_planner *planner, const struct setup_delivery *row)
{
    struct arena *arena = planner->arena;
    const char *const names[] = {
        "syslog_name", arena_printf(arena, "%s_fallback_relay", row->command)};
    const char *const values[] = {
        arena_printf(arena, "postfix/cutover-%s", row->backend), ""};
    struct postfix_service base;
    struct span syslog;
    struct span relay;
    const char *text;

    if (!setup_planner_find_ours(planner, row->service, row->command, &base))
        base = base_of(planner, row);
    else if (service_options_find(base.arguments, names[0], &syslog) &&
             span_is(syslog, values[0]) &&
             service_options_find(base.arguments, names[1], &relay) && relay.length == 0)
        return;
    text = arena_printf(arena, "%s%s", service_options_words(arena, base.arguments),
        service_options_settings(arena, base.arguments, names, ARRAY_LENGTH(names)));
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        text = arena_printf(arena, "%s %s", text,
            service_options_write(arena, names[i], span_of(values[i])));
    setup_planner_write_service(planner, row->service, &base, row->command, text);
}

void
setup_delivery_plan(struct setup_planner *planner)
{
    for (size_t i = 0; i < SETUP_DELIVERIES; i++) {
        if (can_copy(planner, &setup_deliveries[i]))
            plan_limits(planner, &setup_deliveries[i]);
    }
    for (size_t i = 0; i < SETUP_DELIVERIES; i++)
        plan_service(planner, &setup_deliveries[i]);
    for (size_t i = 0; i < SETUP_PROBES && planner->plan->verifies; i++)
        plan_probe(planner, &setup_probes[i]);
}

void
setup_delivery_drop_limits(struct setup_planner *planner)
{
    for (size_t i = 0; i < SETUP_DELIVERIES; i++) {
        for (size_t k = 0; k < ARRAY_LENGTH(limits); k++) {
            const char *name =
                limit_name(planner->arena, setup_deliveries[i].service, limits[k]);
            bool is_set;

            (void)setup_planner_value(planner, name, &is_set);
            if (is_set)
                setup_planner_add(planner, "-X", name);
        }
    }
}

const char *
setup_delivery_copied(struct setup_planner *planner)
{
    static const char *const none[] = {"syslog_name"};
    struct arena *arena = planner->arena;
    const char *like = arena_text(arena, planner->like.name);
    const char *text;

    if (planner->like.name.length == 0)
        return "";
    text = service_options_settings(
        arena, planner->like.arguments, none, ARRAY_LENGTH(none));
    for (size_t i = 0; i < ARRAY_LENGTH(limits); i++) {
        const char *name = limit_name(arena, like, limits[i]);
        bool is_set;
        struct span value = setup_planner_value(planner, name, &is_set);

        if (is_set)
            text = arena_printf(arena, "%s %s=%s", text, name, arena_text(arena, value));
    }
    return arena_printf(arena, "%s:%s", like, text[0] == '\0' ? " no options" : text);
}
