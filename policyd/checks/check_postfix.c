#include "policyd/checks/check_postfix.h"

#include <inttypes.h>
#include <string.h>

#include "policyd/wiring/service_options.h"
#include "policyd/wiring/setup_planner.h"
#include "shared/base/number.h"

enum { DAY = 86400, MARGIN = 2 * DAY, LOG_SILENT_S = 600 };

/* The wiring's own findings. */
static void
add_findings(const struct check_postfix *postfix, struct check *check)
{
    for (size_t i = 0; i < postfix->wiring->count; i++) {
        if (postfix->wiring->findings[i].is_bad)
            check_add(check, CHECK_FAIL, "%s", postfix->wiring->findings[i].text);
    }
}

static void
look_at_route(const struct check_postfix *postfix, struct check *check)
{
    switch (postfix->wiring->state) {
    case WIRING_UNKNOWN:
        check_add(check, CHECK_UNKNOWN, "the wiring could not be looked at");
        break;
    case WIRING_NONE:
        check_add(check, CHECK_FAIL, "Postfix is not wired: it does not ask policyd");
        break;
    case WIRING_OFF:
        check_add(check, CHECK_FAIL, "routing is switched off (postfix-setup --off)");
        break;
    case WIRING_PART:
        check_add(check, CHECK_FAIL, "Postfix is wired in part");
        break;
    case WIRING_WHOLE:
    default:
        check_add(check, CHECK_PASS,
            postfix->by_filter ? "smtpd asks policyd and filters by its answer"
                               : "the queue manager asks policyd first");
        break;
    }
    add_findings(postfix, check);
    if (postfix->maps_changed)
        check_add(check, CHECK_FAIL,
            "transport_maps of main.cf is no longer what stands behind ours");
    else if (postfix->wiring->state == WIRING_WHOLE && !postfix->by_filter)
        check_add(check, CHECK_PASS, "behind it stand the site's own transport_maps");
}

static bool
names_route(const struct check_postfix *postfix, struct span maps)
{
    return postfix->route[0] != '\0' &&
           span_find_text(maps, span_of(postfix->route)) != SPAN_NONE;
}

static void
look_at_intake(const struct check_postfix *postfix, struct check *check)
{
    struct span rest = postfix->services;
    struct postfix_service service;
    size_t servers = 0;

    check_add(check,
        names_route(postfix, postfix->transport_maps) ? CHECK_FAIL : CHECK_PASS,
        "transport_maps of main.cf %s",
        names_route(postfix, postfix->transport_maps) ? "asks policyd: smtpd does, too"
                                                      : "does not ask policyd");
    while (postfix_text_next_service(&rest, &service)) {
        struct span maps;

        if (!span_is(service.command, "smtpd"))
            continue;
        servers++;
        if (service_options_find(service.arguments, "transport_maps", &maps) &&
            names_route(postfix, maps))
            check_add(check, CHECK_FAIL, "%.*s/%.*s of master.cf asks policyd",
                (int)service.name.length, service.name.data, (int)service.type.length,
                service.type.data);
    }
    check_add(check, CHECK_PASS, "%zu SMTP servers in master.cf looked at", servers);
}

/* Each of the six, and what of it is as it should be. */
static void
look_at_services(
    const struct check_postfix *postfix, enum check_name name, struct check *check)
{
    for (size_t i = 0; i < SETUP_DELIVERIES; i++) {
        const struct setup_delivery *row = &setup_deliveries[i];
        struct postfix_service service;
        struct span value = SPAN("");
        struct span stamp = SPAN("");
        const char *option;
        uint64_t level = 0;

        if (!postfix_text_find_service(
                postfix->services, span_of(row->service), "unix", &service)) {
            check_add(check, CHECK_FAIL, "%s: is not in master.cf", row->service);
            continue;
        }
        if (name == CHECK_SERVICES) {
            (void)service_options_find(service.arguments, "syslog_name", &value);
            option = arena_printf(check->arena, "%s_header_checks", row->command);
            (void)service_options_find(service.arguments, option, &stamp);
            if (span_find_text(value, SPAN("cutover-")) == SPAN_NONE)
                check_add(check, CHECK_FAIL, "%s: has no name of its own in the log",
                    row->service);
            else if (span_find_text(stamp, SPAN("X-Cutover-Backend")) == SPAN_NONE)
                check_add(check, CHECK_FAIL, "%s: does not stamp what it delivers",
                    row->service);
            else
                check_add(check, CHECK_PASS, "%s: logs as %.*s, stamps", row->service,
                    (int)value.length, value.data);
            continue;
        }
        option = arena_printf(check->arena, "%s_%s", row->command,
            name == CHECK_NO_BOUNCE ? "delivery_status_filter" : "tls_loglevel");
        (void)service_options_find(service.arguments, option, &value);
        if (name == CHECK_NO_BOUNCE)
            check_add(check,
                span_find_text(value, SPAN("in reply to end of DATA")) != SPAN_NONE
                    ? CHECK_PASS
                    : CHECK_FAIL,
                "%s: %s", row->service,
                span_find_text(value, SPAN("in reply to end of DATA")) != SPAN_NONE
                    ? "a refusal before the content waits"
                    : "a refusal goes back to the sender");
        else if (number_unsigned(span_trim(value), UINT32_MAX, &level) && level > 0)
            check_add(
                check, CHECK_PASS, "%s: %s = %u", row->service, option, (unsigned)level);
        else
            check_add(check, CHECK_FAIL, "%s: %s is not set", row->service, option);
    }
}

static void
look_at_verify(const struct check_postfix *postfix, struct check *check)
{
    if (!postfix->verifies)
        check_add(check, CHECK_PASS, "reject_unverified_recipient is not used");
    else
        check_add(check,
            span_is(span_trim(postfix->verify_code), "450") ? CHECK_PASS : CHECK_FAIL,
            "reject_unverified_recipient is used, its reply code is %.*s",
            (int)postfix->verify_code.length, postfix->verify_code.data);
}

/* What the queue manager goes by: its own entry, else main.cf. */
static void
look_at_lifetime(const struct check_postfix *postfix, struct check *check,
    const char *name, uint64_t lifetime)
{
    uint64_t least = postfix->longest_stay + MARGIN;
    struct postfix_service manager;
    struct span value;

    if (postfix_text_find_service(postfix->services, SPAN("qmgr"), NULL, &manager) &&
        service_options_find(manager.arguments, name, &value))
        (void)postfix_text_time(value, 'd', &lifetime);
    check_add(check, lifetime >= least ? CHECK_PASS : CHECK_FAIL,
        "%s: %.1f days, the longest stage and 2 days are %.1f%s", name,
        (double)lifetime / DAY, (double)least / DAY,
        postfix->longest_stay == 0 ? " (there is no plan)" : "");
}

static void
look_at_log(const struct check_postfix *postfix, struct check *check)
{
    bool is_long = strcmp(postfix->long_ids, "yes") == 0;
    int64_t age = postfix->now - postfix->log_time;

    check_add(check, is_long ? CHECK_PASS : CHECK_FAIL, "enable_long_queue_ids = %s",
        postfix->long_ids);
    if (postfix->log_time == 0)
        check_add(
            check, CHECK_UNKNOWN, "no controller of this gateway says what it read last");
    else
        check_add(check, age <= LOG_SILENT_S ? CHECK_PASS : CHECK_UNKNOWN,
            "the controller's last line is of %" PRId64 " s ago", age);
}

static void
look_at_recipients(const struct check_postfix *postfix, struct check *check)
{
    if (postfix->maps_fault != NULL) {
        check_add(check, CHECK_UNKNOWN, "%s", postfix->maps_fault);
        return;
    }
    if (!postfix->has_maps)
        check_add(check, postfix->verifies ? CHECK_PASS : CHECK_FAIL, "%s",
            postfix->verifies ? "recipients are verified at the backends"
                              : "anybody is taken: no map of recipients is set");
    else if (postfix->address_count == 0)
        check_add(check, CHECK_SKIPPED, "needs [ctl] addresses");
    else
        check_add(check, CHECK_PASS, "%zu of %zu addresses are known",
            postfix->address_count - postfix->unknown_count, postfix->address_count);
    for (size_t i = 0; i < postfix->unknown_count; i++)
        check_add(check, CHECK_FAIL, "%.200s: is refused here", postfix->unknown[i]);
}

static void
look_at_class(const struct check_postfix *postfix, struct check *check)
{
    if (postfix->refusal != NULL)
        check_add(check, postfix->refusal_is_sure ? CHECK_FAIL : CHECK_UNKNOWN, "%s%s",
            postfix->refusal,
            postfix->refusal_is_sure ? ""
                                     : " (not all tables can be read: run it as root)");
    else
        check_add(check, CHECK_PASS, "Postfix routes it by transport_maps");
}

static void
add_lacking(const struct check_postfix *postfix, struct check *check)
{
    for (size_t i = 0; i < postfix->lacking_count; i++)
        check_add(check, CHECK_FAIL, "%s", postfix->lacking[i]);
}

void
check_postfix_look(
    const struct check_postfix *postfix, enum check_name name, struct check *check)
{
    if (postfix->obstacle != NULL) {
        check_add(check, CHECK_UNKNOWN, "%s", postfix->obstacle);
        check->is_final = true;
        return;
    }
    if (name == CHECK_ROUTE_FIRST) {
        look_at_route(postfix, check);
    } else if (name == CHECK_INTAKE_FREE) {
        look_at_intake(postfix, check);
    } else if (name == CHECK_VERIFY) {
        look_at_verify(postfix, check);
    } else if (name == CHECK_LIFETIME) {
        look_at_lifetime(
            postfix, check, "maximal_queue_lifetime", postfix->queue_lifetime);
    } else if (name == CHECK_NULL_LIFETIME) {
        look_at_lifetime(
            postfix, check, "bounce_queue_lifetime", postfix->bounce_lifetime);
    } else if (name == CHECK_LOG) {
        look_at_log(postfix, check);
    } else if (name == CHECK_RECIPIENTS) {
        look_at_recipients(postfix, check);
    } else if (name == CHECK_CLASS) {
        look_at_class(postfix, check);
    } else {
        look_at_services(postfix, name, check);
        if (name == CHECK_SERVICES)
            add_lacking(postfix, check);
    }
    check->is_final = true;
}
