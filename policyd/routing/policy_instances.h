/*
 * policy_instances - which backend the messages under way are bound to (routing =
 * filter).
 *
 * Postfix names a transaction by `instance`, and gives it a queue id with the first
 * recipient that is accepted.  The first recipient that is answered fixes the backend.
 * A transaction that has a queue id and is not known here may be bound to any backend, be
 * it because we were restarted, because it was forgotten, or because somebody else let a
 * recipient pass: it is bound to none of those asked for.  So forgetting is always safe,
 * and no clock is needed: the longest unused ones go when POLICY_INSTANCES_MAX are known.
 * Entries hold hashes, so what a client sends takes no room of its own.  Pure.
 */
#ifndef POLICYD_ROUTING_POLICY_INSTANCES_H
#define POLICYD_ROUTING_POLICY_INSTANCES_H

#include "shared/base/span.h"

enum { POLICY_INSTANCES_MAX = 1 << 18 };

struct policy_instances;

struct policy_instances *policy_instances_new(void);
void policy_instances_free(struct policy_instances *instances);

/*
 * Binds the instance to `backend` (a nexthop; empty: none of ours), or finds it bound.
 * `accepted`: it has a queue id.  True when it is bound to this backend now; false when
 * to another, or when that can't be told.
 */
bool policy_instances_bind(struct policy_instances *instances, struct span instance,
    bool accepted, struct span backend);

size_t policy_instances_count(const struct policy_instances *instances);

#endif
