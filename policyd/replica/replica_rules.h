/*
 * replica_rules - what the file says of the state in Redis: how names become
 * canonical, where mail may go, whose domains they are.  Pure.
 */
#ifndef POLICYD_REPLICA_REPLICA_RULES_H
#define POLICYD_REPLICA_REPLICA_RULES_H

#include "policyd/state/domain_route.h"
#include "policyd/state/recipient.h"

/* Borrowed; what it points to outlives replica_orders, or the next
 * replica_orders_set_rules.
 */
struct replica_rules {
    struct recipient_rules recipient;
    struct domain_state_rules state;
    const char *const *domains; /* of [policyd] domains, closed; count 0: any */
    size_t domain_count;
};

/* Whether that domain may be in Redis. */
bool replica_rules_allow(const struct replica_rules *rules, struct span name);

/* Whether a pin, unit or list of that name concerns us: its domain may be in Redis, or it
 * is of none. */
bool replica_rules_concern(const struct replica_rules *rules, struct span name);

#endif
