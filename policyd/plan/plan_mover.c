#include "policyd/plan/plan_mover.h"

#include "shared/base/attributes.h"

enum { FULL = 10000 };

bool
plan_mover_is(const struct plan_stage *stage, const struct replica *replica,
    const struct route *route)
{
    bool is_full = stage->list[0] == '\0' && stage->weight == FULL;

    if (route->place != ROUTE_OLD)
        return false;
    /* Up to 100, and no longer. */
    if (route->reason == ROUTE_REASON_SYSTEM || route->reason == ROUTE_REASON_EXCLUDE ||
        route->reason == ROUTE_REASON_UNLISTED)
        return is_full;
    if (route->reason != ROUTE_REASON_BUCKET)
        return false;
    if (stage->list[0] != '\0')
        return replica_list_has(
            replica, route->domain, span_of(stage->list), route->unit);
    return route->bucket < stage->weight;
}

bool
plan_mover_next(const struct plan_record *plan, unsigned weight, struct plan_stage *stage)
{
    static const unsigned usual[] = {3000, 7000, FULL};

    if (plan != NULL && plan->state != PLAN_NONE && plan->stage < plan->stage_count) {
        *stage = plan->stages[plan->stage];
        return true;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(usual); i++) {
        if (weight < usual[i]) {
            *stage = (struct plan_stage){.weight = usual[i]};
            return true;
        }
    }
    return false;
}
