#include "policyd/routing/policy_decide.h"

static bool
is_loop(const struct policy_facts *facts)
{
    const struct route *route = facts->route;

    if (route->at_site || route->state == NULL || route->state->inside == INSIDE_RELAY)
        return false;
    return (route->place == ROUTE_OLD && facts->from_old) ||
           (route->place == ROUTE_NEW && facts->from_new);
}

static struct policy_verdict
loop_verdict(const struct route *route)
{
    struct span text =
        route->place == ROUTE_OLD
            ? SPAN("mail loop: from the old backend for a mailbox on the old backend")
            : SPAN("mail loop: from the new backend for a mailbox on the new backend");

    return (struct policy_verdict){POLICY_LOOP, SPAN("DEFER 4.4.6"), text};
}

static struct policy_verdict
hold_verdict(const struct policy_rules *rules)
{
    return (struct policy_verdict){
        POLICY_HOLD, SPAN("DEFER_IF_PERMIT 4.2.1"), span_of(rules->hold_text)};
}

static struct policy_verdict
dunno_verdict(void)
{
    return (struct policy_verdict){POLICY_DUNNO, SPAN("DUNNO"), SPAN("")};
}

static struct policy_verdict
filter_verdict(const struct policy_rules *rules, const struct policy_facts *facts)
{
    switch (facts->route->place) {
    case ROUTE_HOLD:
        return hold_verdict(rules);
    case ROUTE_UNKNOWN:
        return (struct policy_verdict){POLICY_UNKNOWN, SPAN("DEFER_IF_PERMIT 4.3.0"),
            SPAN("where this mailbox is can't be told right now, try again later")};
    case ROUTE_OLD:
    case ROUTE_NEW:
    case ROUTE_STANDBY:
    case ROUTE_NOT_OURS:
        break;
    }
    if (facts->fixed_elsewhere)
        return (struct policy_verdict){POLICY_ELSEWHERE, SPAN("DEFER 4.5.3"),
            SPAN("send to this recipient in a transaction of its own")};
    if (facts->route->place == ROUTE_NOT_OURS || facts->route->at_site)
        return dunno_verdict();
    return (struct policy_verdict){
        POLICY_FILTER, SPAN("FILTER"), span_of(facts->route->nexthop)};
}

struct policy_verdict
policy_decide(const struct policy_rules *rules, const struct policy_facts *facts)
{
    if (is_loop(facts))
        return loop_verdict(facts->route);
    if (rules->filter)
        return filter_verdict(rules, facts);
    if (rules->hold_at_smtp && facts->route->place == ROUTE_HOLD)
        return hold_verdict(rules);
    return dunno_verdict();
}

const char *
policy_answer_name(enum policy_answer answer)
{
    static const char *const names[POLICY_ANSWERS] = {
        [POLICY_DUNNO] = "dunno",
        [POLICY_FILTER] = "filter",
        [POLICY_HOLD] = "hold",
        [POLICY_LOOP] = "loop",
        [POLICY_ELSEWHERE] = "elsewhere",
        [POLICY_UNKNOWN] = "unknown",
    };

    return names[answer];
}
