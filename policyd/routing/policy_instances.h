/*
 * policy_instances - which backend the messages under way are bound to (routing =
 * filter).
 *
 * Postfix names a transaction by `instance`.  The first recipient that is answered fixes
 * its backend, in an entry that lives POLICY_INSTANCE_SECONDS after its last use: longer
 * than Postfix waits for a client's next command. Entries hold hashes, so what a client
 * sends takes no room of its own.  When POLICY_INSTANCES_MAX are alive, no further
 * message is taken on: forgetting one would send its mail to two places.  Pure.
 */
#ifndef POLICYD_SERVE_POLICY_INSTANCES_H
#define POLICYD_SERVE_POLICY_INSTANCES_H

#include "shared/base/span.h"

enum { POLICY_INSTANCES_MAX = 1 << 18, POLICY_INSTANCE_SECONDS = 1200 };

struct policy_instances;

struct policy_instances *policy_instances_new(void);
void policy_instances_free(struct policy_instances *instances);

/*
 * Binds the instance to `backend` (a nexthop; empty: none of ours), or finds it bound.
 * True when it is bound to this backend now; false when to another, or when there is no
 * room.
 */
bool policy_instances_bind(struct policy_instances *instances, struct span instance,
    struct span backend, int64_t now);

/* Whether it is known; nothing is changed. */
bool policy_instances_has(
    const struct policy_instances *instances, struct span instance, int64_t now);

size_t policy_instances_count(const struct policy_instances *instances);

/*
 * When the transaction began, by Postfix's `pid.seconds.microseconds.count` in
 * hexadecimal; 0 for an instance of another form.
 */
int64_t policy_instance_began(struct span instance);

#endif
