/*
 * replica_merge - one domain out of a loaded replica into the one that answers, in
 * slices.
 *
 * For a load that was refused while an operator has accepted one domain of it: that
 * domain's state, pins, units and lists become those of the load, all else stays.  Pure.
 */
#ifndef POLICYD_REPLICA_REPLICA_MERGE_H
#define POLICYD_REPLICA_REPLICA_MERGE_H

#include "policyd/replica/replica_compare.h"

struct replica_merge {
    struct replica *ours;
    const struct replica *theirs;
    char domain[DOMAIN_MAX + 1];
    unsigned stage;
    enum replica_kind kind;
    uint64_t cursor;
    bool in_list; /* going through the members of this one */
    struct replica_name list;
    uint64_t member_cursor;
};

void replica_merge_start(struct replica_merge *merge, struct replica *ours,
    const struct replica *theirs, const char *domain);

/* Looks at about as many entries; false when all is merged. */
bool replica_merge_step(struct replica_merge *merge, size_t entries);

#endif
