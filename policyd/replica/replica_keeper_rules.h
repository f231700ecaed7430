/*
 * replica_keeper_rules - what the file says of the state in Redis: how names become
 * canonical, where mail may go, whose domains they are.  Pure.
 */
#ifndef POLICYD_REPLICA_REPLICA_KEEPER_RULES_H
#define POLICYD_REPLICA_REPLICA_KEEPER_RULES_H

#include "policyd/state/domain_route.h"
#include "policyd/state/recipient.h"

/* Borrowed; what it points to outlives the keeper, or the next replica_keeper_set_rules.
 */
struct replica_keeper_rules {
    struct recipient_rules recipient;
    struct domain_state_rules state;
    const char *const *domains; /* of [policyd] domains, closed; count 0: any */
    size_t domain_count;
};

/* Whether that domain may be in Redis. */
bool replica_keeper_rules_allow(
    const struct replica_keeper_rules *rules, struct span name);

/* Whether a pin, unit or list of that name concerns us: its domain may be in Redis, or it
 * is of none. */
bool replica_keeper_rules_concern(
    const struct replica_keeper_rules *rules, struct span name);

#endif
