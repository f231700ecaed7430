#include "policyd/ctl/ctl_setup_guard.h"

#include "policyd/ctl/ctl_client.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_policyd.h"
#include "policyd/setup/setup_domains.h"

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

/* Where the file lists none: those that policyd knows, if it can be asked. */
static void
domains_of_policyd(struct ctl *ctl, struct setup_domains *domains)
{
    struct error error;
    const struct ctl_json *status =
        ctl_policyd_document(ctl, "/status.json", NULL, &error);
    const char **names = arena_take(ctl->arena, SETUP_DOMAINS_MAX * sizeof(*names));

    domains->names = names;
    if (status == NULL)
        return;
    for (const struct ctl_json *one = ctl_json_get(status, "domains")->first;
         one != NULL && domains->count < SETUP_DOMAINS_MAX; one = one->next) {
        if (ctl_json_is_true(one, "ours") &&
            !span_is(ctl_json_text(one, "mode"), "forgotten"))
            names[domains->count++] =
                arena_text(ctl->arena, ctl_json_text(one, "domain"));
    }
}

bool
ctl_setup_look(struct ctl *ctl, struct setup_site *site, struct error *error)
{
    const struct serve_config *config = ctl->config->serve;
    struct setup_domains domains = {
        .names = config->route_rules.domains,
        .count = config->route_rules.domain_count,
        .like = ctl->arguments.values[CTL_LIKE],
        .delimiters = config->recipient_delimiter,
        .counts = span_is(span_of(ctl->arguments.verb), "postfix-setup") ||
                  span_is(span_of(ctl->arguments.verb), "preflight"),
    };

    if (domains.count == 0)
        domains_of_policyd(ctl, &domains);
    return setup_domains_read(&domains, site, error);
}

bool
ctl_setup_pass(struct ctl *ctl, const char *refusal)
{
    if (refusal == NULL)
        return true;
    if (ctl_arguments_has(&ctl->arguments, CTL_FORCE)) {
        ctl_output_warn("%s; forced", refusal);
        return true;
    }
    (void)ctl_output_fail(
        CTL_REFUSED, "%s; nothing was changed (--force overrides)", refusal);
    return false;
}

bool
ctl_setup_guard(struct ctl *ctl, const struct socket_address *route)
{
    return ctl_setup_pass(ctl, find_obstacle(ctl, route));
}
