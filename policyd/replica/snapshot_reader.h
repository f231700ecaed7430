/*
 * snapshot_reader - the octets of snapshot_wire to a replica again.
 *
 * Octets are given as they come; what is damaged, cut short or written by another version
 * is refused as a whole.  Pure.
 */
#ifndef POLICYD_REPLICA_SNAPSHOT_READER_H
#define POLICYD_REPLICA_SNAPSHOT_READER_H

#include "policyd/replica/replica_rules.h"
#include "policyd/replica/snapshot_wire.h"

struct snapshot_reader {
    struct replica *replica; /* filled; the caller's */
    const struct replica_rules *rules;
    /* A domain whose state is no longer allowed: it stays ours, without a state.  May be
     * NULL. */
    void (*refused)(
        void *argument, struct span domain, const struct domain_problem *problem);
    void *argument;
    struct snapshot_extra extra;
    struct snapshot_counts counts;
    struct replica_name list_domain;
    struct replica_name list;
    unsigned char digest[SNAPSHOT_DIGEST_SIZE];
    bool begun;
    bool ended;
};

void snapshot_reader_init(struct snapshot_reader *reader, struct replica *replica,
    const struct replica_rules *rules);

/*
 * Takes as many whole blocks off the front of `octets` as there are.  False: this is no
 * snapshot, or it is damaged, or of another version; the replica is then worth nothing.
 */
bool snapshot_reader_take(
    struct snapshot_reader *reader, struct span *octets, struct error *error);

/* After the last octet: whether it was all of a snapshot. */
bool snapshot_reader_end(
    struct snapshot_reader *reader, struct span rest, struct error *error);

/* The records of one block, without the digest: for the reader and its fuzzer. */
bool snapshot_reader_records(
    struct snapshot_reader *reader, struct span records, struct error *error);

#endif
