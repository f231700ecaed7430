#include "policyd/routing/unit_share.h"

double
unit_share_on_new(const struct route_rules *rules, const struct replica *replica,
    struct span domain, int64_t now)
{
    uint64_t cursor = 0;
    uint64_t units = 0;
    uint64_t on_new = 0;
    struct span unit;

    while (units < UNIT_SHARE_SAMPLE &&
           replica_next_member(replica, domain, SPAN("known"), &cursor, &unit)) {
        struct route route;

        route_decide(rules, replica, unit, now, &route);
        if (!span_equal(route.domain, domain))
            continue;
        units++;
        on_new += route.place == ROUTE_NEW ? 1 : 0;
    }
    return units == 0 ? -1 : (double)on_new / (double)units;
}
