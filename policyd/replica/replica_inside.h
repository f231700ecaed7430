/*
 * replica_inside - what a replica is made of, for its own files: replica.c calls
 * replica_domain.c (domains and overrides).
 */
#ifndef POLICYD_REPLICA_REPLICA_INSIDE_H
#define POLICYD_REPLICA_REPLICA_INSIDE_H

#include "policyd/replica/packed_table.h"
#include "policyd/replica/replica.h"
#include "policyd/replica/replica_members.h"

struct replica {
    bool loaded;
    bool unclear;
    char hold_text[REPLICA_HOLD_TEXT_MAX + 1];
    size_t ours_count;
    struct packed_table domains;              /* name -> struct domain_record * */
    struct packed_table named[REPLICA_KINDS]; /* name -> value */
    struct replica_members members;
};

void replica_clear_domains(struct replica *replica);
size_t replica_domain_memory(const struct replica *replica);

#endif
