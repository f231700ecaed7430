/*
 * forget and accept-state: what ends our say over a domain, and what makes a gateway take
 * what it took for no order.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "policyd/ctl/ctl_domain.h"
#include "policyd/ctl/ctl_forget.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_policyd.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/ctl/ctl_write.h"
#include "policyd/replica/replica_orders.h"
#include "shared/base/number.h"
#include "shared/service/config.h"

int
ctl_state_forget(struct ctl *ctl)
{
    const struct domain_field forgotten = {SPAN("mode"), SPAN("forgotten")};
    struct ctl_domain_order order = {
        .name = ctl_store_canonical_domain(ctl, ctl->arguments.words[0]),
        .fields = &forgotten,
        .count = 1,
        .what = "forget",
        .why = "forget",
        .danger = ctl_domain_forget_danger,
        .must_exist = true,
        .forgets = true,
    };
    int status;

    if (order.name == NULL)
        return CTL_USAGE;
    if (!ctl_forget_guard(ctl, order.name, &order.forced))
        return CTL_REFUSED;
    status = ctl_domain_change(ctl, &order);
    if (status == CTL_DONE)
        ctl_output_say(
            "%s now goes where the site's own maps say; its keys may be deleted "
            "once it is out of [policyd] domains on every gateway",
            order.name);
    return status;
}

/*
 * A gateway takes what is newer than the last one: two within a second are two.  Nonsense
 * from the far future, which gateways ignore, is written over.
 */
static bool
next_time(struct ctl *ctl, struct span key, uint64_t *when, struct error *error)
{
    struct span last;
    uint64_t before;
    bool found;

    *when = (uint64_t)time(NULL);
    if (!ctl_store_value(ctl, key, &last, &found, error))
        return false;
    if (found &&
        number_unsigned(
            span_from(last, span_find_last(last, ' ') + 1), INT64_MAX - 1, &before) &&
        before >= *when && before < *when + REPLICA_ACCEPT_AHEAD_SECONDS)
        *when = before + 1;
    return true;
}

/*
 * Whether somebody knows the domain: the file, Redis, or policyd, which may keep what
 * Redis has lost.
 */
static bool
is_known(struct ctl *ctl, const char *name, bool *known, struct error *error)
{
    const struct route_rules *rules = &ctl->config->serve->route_rules;
    const struct ctl_json *status;
    struct ctl_domain domain;
    struct error silent;

    *known = route_rules_list(rules, span_of(name));
    if (*known)
        return true;
    if (!ctl_store_domain(ctl, span_of(name), &domain, error))
        return false;
    *known = domain.count > 0 || domain.is_no_hash;
    ctl_domain_clear(&domain);
    if (*known || rules->domain_count > 0)
        return true;
    status = ctl_policyd_document(ctl, "/status.json", NULL, &silent);
    *known = status == NULL || ctl_policyd_find_domain(status, name) != NULL;
    return true;
}

static int
say_unknown(const struct ctl *ctl, const char *name)
{
    const struct route_rules *rules = &ctl->config->serve->route_rules;
    const char *near = config_nearest(span_of(name), rules->domains, rules->domain_count);

    return ctl_output_fail(CTL_NO,
        "%s is known neither to the file nor to Redis nor to policyd%s%s%s; nothing was "
        "accepted",
        name, near != NULL ? " (did you mean " : "", near != NULL ? near : "",
        near != NULL ? "?)" : "");
}

int
ctl_state_accept(struct ctl *ctl)
{
    struct span key = ctl_store_key(ctl, ctl->arena, "accept", span_of(""));
    const char *name = "*";
    struct ctl_event event = {.what = "accept-state"};
    struct span before;
    struct error error;
    uint64_t when;
    bool known = true;

    if (ctl->arguments.count > 0)
        name = ctl_store_canonical_domain(ctl, ctl->arguments.words[0]);
    if (name == NULL)
        return CTL_USAGE;
    if (ctl->arguments.count > 0 && !is_known(ctl, name, &known, &error))
        return ctl_store_fail(ctl, &error);
    if (!known)
        return say_unknown(ctl, name);
    if (!next_time(ctl, key, &when, &error))
        return ctl_store_fail(ctl, &error);
    event.domain = name;
    event.to = arena_printf(ctl->arena, "%s %" PRIu64, name, when);
    event.why = ctl->arguments.values[CTL_WHY];
    if (!ctl_write_value(ctl, key, span_of(event.to), &event, &before, &error))
        return ctl_store_fail(ctl, &error);
    ctl_output_say("%s: each gateway takes what Redis says now, once",
        strcmp(name, "*") == 0 ? "all domains, pins, units and lists" : name);
    return CTL_DONE;
}
