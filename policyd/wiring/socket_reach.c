#include "policyd/wiring/socket_reach.h"

static bool
is_chrooted(const struct setup_facts *facts, const struct postfix_service *service)
{
    return span_is(service->chroot, "y") ||
           (span_is(service->chroot, "-") && facts->chroot_preset);
}

static bool
is_outside(const char *address)
{
    return span_starts(span_of(address), SPAN("unix:/"));
}

static bool
complain(const char *address, const char *key, const struct postfix_service *service,
    struct error *error)
{
    return error_permanent(error,
        "%s lies outside Postfix's queue directory, where %.*s, which is chrooted in "
        "master.cf, can't reach it: set %s to a path below that directory",
        address, (int)(service->name.length < 50 ? service->name.length : 50),
        service->name.data, key);
}

/* A server with a list of its own asks those that stand there, not ours. */
static bool
check_servers(const struct setup_facts *facts, const char *address, const char *list,
    const char *key, struct error *error)
{
    struct span services = facts->services;
    struct postfix_service service;
    struct span own;

    if (!is_outside(address))
        return true;
    while (postfix_text_next_service(&services, &service)) {
        if (span_is(service.command, "smtpd") && is_chrooted(facts, &service) &&
            !postfix_text_override(service.arguments, list, &own))
            return complain(address, key, &service, error);
    }
    return true;
}

bool
socket_reach_check(const struct setup_facts *facts, const struct postfix_service *rewrite,
    struct error *error)
{
    if (!facts->by_filter && is_outside(facts->route) && is_chrooted(facts, rewrite))
        return complain(facts->route, "[policyd] route", rewrite, error);
    if (!check_servers(facts, facts->policy, "smtpd_recipient_restrictions",
            "[policyd] policy", error))
        return false;
    for (size_t i = 0; i < facts->milter_count; i++) {
        if (facts->milters[i].present && !check_servers(facts, facts->milters[i].address,
                                             "smtpd_milters", "its `listen`", error))
            return false;
    }
    return true;
}
