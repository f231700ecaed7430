/*
 * replica_digest - one number of all that decides routes, the same on every gateway that
 * has the same domains, pins, units and lists, in whatever order they came.
 *
 * It tells that two gateways differ, not by whose hand: who may write Redis could choose
 * entries that make two differ and look the same.  Neither rev nor alarms are part of it.
 * Gone through a step at a time; a change of the replica in between means to begin anew.
 * Pure.
 */
#ifndef POLICYD_REPLICA_REPLICA_DIGEST_H
#define POLICYD_REPLICA_REPLICA_DIGEST_H

#include "policyd/replica/replica.h"

struct replica_digest {
    uint64_t sum; /* once it is done */
    int stage;
    uint64_t cursor;
    struct span domain; /* of the list in hand, borrowed from the replica */
    struct span list;
    uint64_t member;
    bool without_hops;
};

/* `without_hops`: next hops are a site's own and count for nothing. */
void replica_digest_begin(struct replica_digest *digest, bool without_hops);

/* So many entries; true once it is done. */
bool replica_digest_step(
    struct replica_digest *digest, const struct replica *replica, size_t entries);

#endif
