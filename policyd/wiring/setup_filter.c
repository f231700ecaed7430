#include "policyd/wiring/setup_filter.h"

#define DELAY "smtpd_delay_open_until_valid_rcpt"

static const char *
refuse(const char *where, struct arena *arena)
{
    return arena_printf(arena,
        DELAY " = no in %s: with routing = filter all its mail would be put off (4.5.3); "
              "make it yes",
        where);
}

const char *
setup_filter_refusal(
    const struct setup_facts *facts, struct span delays, struct arena *arena)
{
    struct span services = facts->services;
    struct postfix_service service;
    bool is_off = span_is_nocase(delays, "no");
    struct span own;

    while (postfix_text_next_service(&services, &service)) {
        if (span_is(service.command, "smtpd") &&
            postfix_text_override(service.arguments, DELAY, &own) &&
            span_is_nocase(span_trim(own), "no"))
            return refuse(
                arena_printf(arena, "%s/%s of master.cf", arena_text(arena, service.name),
                    arena_text(arena, service.type)),
                arena);
    }
    return is_off ? refuse("main.cf", arena) : NULL;
}
