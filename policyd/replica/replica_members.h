/*
 * replica_members - the lists of a replica: by domain and name, each with its members.
 *
 * Each list is a table of its own, so that one can be gone through without the others.  A
 * list is there while it has members.  The functions are those of replica.h.
 */
#ifndef POLICYD_REPLICA_REPLICA_MEMBERS_H
#define POLICYD_REPLICA_REPLICA_MEMBERS_H

#include "policyd/replica/packed_table.h"

struct replica_members {
    struct packed_table
        lists;     /* domain and list -> struct packed_table * of its members */
    size_t count;  /* members of all lists */
    size_t memory; /* octets in the tables of the lists */
};

void replica_members_init(struct replica_members *members, struct hash_key hash_key);
void replica_members_clear(struct replica_members *members);

bool replica_members_has(const struct replica_members *members, struct span domain,
    struct span list, struct span unit);
size_t replica_members_count(
    const struct replica_members *members, struct span domain, struct span list);
size_t replica_members_memory(const struct replica_members *members);

bool replica_members_next_list(const struct replica_members *members, uint64_t *cursor,
    struct span *domain, struct span *list, size_t *count);
bool replica_members_next(const struct replica_members *members, struct span domain,
    struct span list, uint64_t *cursor, struct span *unit);

bool replica_members_put(struct replica_members *members, struct span domain,
    struct span list, struct span unit);
void replica_members_remove(struct replica_members *members, struct span domain,
    struct span list, struct span unit);

#endif
