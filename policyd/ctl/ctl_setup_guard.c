#include "policyd/ctl/ctl_setup_guard.h"

#include "policyd/ctl/ctl_client.h"
#include "policyd/ctl/ctl_output.h"

enum { ANSWER_MAX = 100000 };

/* Asks as Postfix will, for one address.  Gives why mail would wait, or NULL. */
static const char *
ask_about(struct ctl *ctl, const struct socket_address *route, const char *address,
    const char *why_temporary)
{
    const char *obstacle = NULL;
    struct buffer answer;
    struct error error;

    buffer_init(&answer, ANSWER_MAX);
    if (!ctl_client_socketmap(
            route, SPAN("transport"), span_of(address), &answer, &error))
        obstacle = arena_printf(ctl->arena, "policyd is silent (%s)", error.text);
    else if (span_starts(buffer_span(&answer), SPAN("TEMP")))
        obstacle = why_temporary;
    buffer_clear(&answer);
    return obstacle;
}

static const char *
find_obstacle(struct ctl *ctl, const struct socket_address *route)
{
    const struct serve_config *config = ctl->config->serve;
    const struct route_rules *rules = &config->route_rules;
    const char *obstacle;

    if (route->kind == SOCKET_NONE)
        return "[policyd] route is none";
    /* A domain that nobody has: before anything is read all of them wait. */
    obstacle = ask_about(ctl, route, "postmaster@postshift.invalid",
        "policyd has read neither Redis nor a snapshot yet, all mail would wait");
    for (size_t i = 0; obstacle == NULL && i < rules->domain_count; i++)
        obstacle = ask_about(ctl, route,
            arena_printf(ctl->arena, "postmaster@%s", rules->domains[i]),
            arena_printf(ctl->arena,
                "%s has no good state yet, all its mail would wait (set %s old=... "
                "new=... weight=0)",
                rules->domains[i], rules->domains[i]));
    return obstacle;
}

bool
ctl_setup_guard(struct ctl *ctl, const struct socket_address *route)
{
    const char *obstacle = find_obstacle(ctl, route);

    if (obstacle == NULL)
        return true;
    if (ctl_arguments_has(&ctl->arguments, CTL_FORCE)) {
        ctl_output_warn("%s; forced", obstacle);
        return true;
    }
    (void)ctl_output_fail(
        CTL_REFUSED, "%s; nothing was changed (--force overrides)", obstacle);
    return false;
}
