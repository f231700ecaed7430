#include "policyd/wiring/setup_undo.h"

#include "policyd/wire/undo_address.h"
#include "policyd/wiring/service_options.h"

static const char maps_name[] = "recipient_bcc_maps";

/*
 * Times are short: a listener that hangs is one that isn't there, and the queue manager
 * then leaves its mail alone for some minutes.  452 is what it says of a full disk.
 */
static const char *const settings[][2] = {
    {"syslog_name",                 "postfix/" SETUP_UNDO             },
    {"lmtp_send_xforward_command",  "yes"                             },
    {"lmtp_connect_timeout",        "5s"                              },
    {"lmtp_lhlo_timeout",           "5s"                              },
    {"lmtp_xforward_timeout",       "5s"                              },
    {"lmtp_mail_timeout",           "10s"                             },
    {"lmtp_rcpt_timeout",           "10s"                             },
    {"lmtp_data_init_timeout",      "10s"                             },
    {"lmtp_data_xfer_timeout",      "20s"                             },
    {"lmtp_data_done_timeout",      "20s"                             },
    {"lmtp_tls_security_level",     "none"                            },
    {"lmtp_sasl_auth_enable",       "no"                              },
    {"lmtp_fallback_relay",         ""                                },
    {"lmtp_header_checks",          ""                                },
    {"lmtp_body_checks",            ""                                },
    {"lmtp_generic_maps",           ""                                },
    {"lmtp_delivery_status_filter",
     "regexp:{{/^4(\\.[0-9]+\\.[0-9]+ host .* said: 452 .*)$$/ 5$$1}}"},
};

static bool
is_on(const struct setup_facts *facts)
{
    return facts->undo != NULL && facts->undo[0] != '\0' && !facts->by_filter &&
           facts->domain_count > 0;
}

const char *
setup_undo_map(struct arena *arena, const struct setup_facts *facts)
{
    return is_on(facts) ? arena_printf(arena,
                              "inline:{" UNDO_ADDRESS "=" SETUP_UNDO ":%s}", facts->undo)
                        : "";
}

bool
setup_undo_is_map(struct span item)
{
    return span_starts(item, SPAN("inline:{" UNDO_ADDRESS "="));
}

/* --- cleanup --- */

static bool
find_cleanup(struct setup_planner *planner, struct postfix_service *cleanup)
{
    bool is_set;
    struct span name = setup_planner_value(planner, "cleanup_service_name", &is_set);

    return postfix_text_find_service(planner->facts->services,
               is_set ? name : SPAN("cleanup"), "unix", cleanup) &&
           span_is(cleanup->command, "cleanup");
}

static bool
is_ours(struct span item)
{
    return span_starts(item, SPAN("inline:{@")) &&
           span_find_text(item, SPAN(UNDO_ADDRESS)) != SPAN_NONE;
}

/* A list without what we put there; *had: there was something of ours. */
static const char *
without_ours(struct arena *arena, struct span list, bool *had)
{
    const char *text = "";
    struct span item;

    *had = false;
    while (postfix_text_next_item(&list, &item)) {
        *had = *had || is_ours(item);
        if (!is_ours(item))
            text = arena_printf(arena, "%s%s%s", text, text[0] == '\0' ? "" : ", ",
                arena_text(arena, item));
    }
    return text;
}

static const char *
table_of_domains(struct arena *arena, const struct setup_facts *facts)
{
    const char *text = "inline:{";

    for (size_t i = 0; i < facts->domain_count; i++)
        text = arena_printf(
            arena, "%s%s@%s=" UNDO_ADDRESS, text, i > 0 ? "," : "", facts->domains[i]);
    return arena_printf(arena, "%s}", text);
}

/* What the entry had before us: the site's own, or nothing, where main.cf's count. */
static void
give_back(struct setup_planner *planner, const struct postfix_service *cleanup)
{
    struct arena *arena = planner->arena;
    const char *service =
        arena_printf(arena, "%s/unix", arena_text(arena, cleanup->name));
    struct span now;
    const char *rest;
    bool is_set;
    bool had;

    if (!postfix_text_override(cleanup->arguments, maps_name, &now))
        return;
    rest = without_ours(arena, now, &had);
    if (!had)
        return;
    if (rest[0] == '\0' ||
        span_is(setup_planner_value(planner, maps_name, &is_set), rest))
        setup_planner_drop_override(planner, service, maps_name);
    else
        setup_planner_want_override(
            planner, service, cleanup->arguments, maps_name, rest);
}

static void
ask_for_copies(struct setup_planner *planner, const struct postfix_service *cleanup)
{
    struct arena *arena = planner->arena;
    struct span now = SPAN("");
    bool is_set;
    bool had = false;
    struct span site = setup_planner_value(planner, maps_name, &is_set);
    const char *theirs = arena_text(arena, site);

    if (postfix_text_override(cleanup->arguments, maps_name, &now)) {
        const char *rest = without_ours(arena, now, &had);

        /* A setting of its own, or a copy of what main.cf has. */
        if (!had || site.length == 0)
            theirs = rest;
    }
    setup_planner_want_override(planner,
        arena_printf(arena, "%s/unix", arena_text(arena, cleanup->name)),
        cleanup->arguments, maps_name,
        arena_printf(arena, "%s%s%s", theirs, theirs[0] == '\0' ? "" : ", ",
            table_of_domains(arena, planner->facts)));
}

/* --- the service --- */

static void
want_service(struct setup_planner *planner)
{
    struct arena *arena = planner->arena;
    const struct postfix_service base = {
        .private = SPAN("-"),
        .unprivileged = SPAN("-"),
        .chroot = planner->rewrite.chroot,
        .wakeup = SPAN("-"),
        .processes = SPAN("-"),
    };
    struct postfix_service now;
    const char *text = "";
    struct span value;
    bool is_same = setup_planner_find_ours(planner, SETUP_UNDO, "lmtp", &now);

    for (size_t i = 0; i < ARRAY_LENGTH(settings); i++) {
        is_same = is_same &&
                  service_options_find(now.arguments, settings[i][0], &value) &&
                  span_is(value, settings[i][1]);
        text = arena_printf(arena, "%s %s", text,
            service_options_write(arena, settings[i][0], span_of(settings[i][1])));
    }
    if (!is_same)
        setup_planner_write_service(planner, SETUP_UNDO, &base, "lmtp", text);
}

void
setup_undo_plan(struct setup_planner *planner)
{
    struct postfix_service cleanup;

    if (!is_on(planner->facts)) {
        setup_undo_remove(planner);
        return;
    }
    want_service(planner);
    if (find_cleanup(planner, &cleanup))
        ask_for_copies(planner, &cleanup);
}

void
setup_undo_stop(struct setup_planner *planner)
{
    struct postfix_service cleanup;

    if (find_cleanup(planner, &cleanup))
        give_back(planner, &cleanup);
}

void
setup_undo_remove(struct setup_planner *planner)
{
    setup_undo_stop(planner);
    setup_planner_drop_service(planner, SETUP_UNDO);
}
