/*
 * snapshot_wire - a replica to octets and back: what policyd answers from when it starts
 * without Redis.
 *
 *     "postshift snapshot 1\n", then blocks:
 *     u32 length of the records (1 to 65536), the records, 32 octets SHA-256 over the
 * digest before and the records
 *
 * Each digest contains the one before, so that nothing can be missing, doubled or out of
 * place; the last record of the last block says how many of each kind there are.  Numbers
 * are big endian.  Records:
 *
 *     A  u8 known, u64 time                      the last accept that was taken
 *     D  u16 name, u64 rev, u8 count, count times (u8 field, u16 value)    a domain that
 * is ours; 0: without state P  u16 name, u8 place, u64 until           a pin U  u16
 * recipient, u16 unit                 a unit L  u16 domain, u16 list                    a
 * list; in each block anew M  u16 unit                                a member of the
 * last list E  u64 time of writing, u64 domains, u64 pins, u64 units, u64 members
 *
 * where "u16 name" is a length and as many octets.  Writing and reading stream: neither
 * holds the whole file. Pure.
 */
#ifndef POLICYD_REPLICA_SNAPSHOT_WIRE_H
#define POLICYD_REPLICA_SNAPSHOT_WIRE_H

#include "policyd/replica/replica_orders.h"
#include "shared/base/buffer.h"
#include "shared/base/digest.h"

enum { SNAPSHOT_BLOCK_MAX = 64 * 1024, SNAPSHOT_DIGEST_SIZE = DIGEST_SHA256_SIZE };

struct snapshot_counts {
    uint64_t domains;
    uint64_t pins;
    uint64_t units;
    uint64_t members;
};

/* What a snapshot has besides the replica. */
struct snapshot_extra {
    bool knows_accept;
    int64_t accepted;
    int64_t written; /* unix time */
};

/* Takes octets of the file; false ends the writing. */
typedef bool snapshot_sink(void *argument, struct span octets);

/* Everything in one go.  False: the sink failed. */
bool snapshot_wire_write(const struct replica *replica,
    const struct snapshot_extra *extra, snapshot_sink *sink, void *argument);

/* The same without pins, units and lists. */
bool snapshot_wire_write_domains(const struct replica *replica,
    const struct snapshot_extra *extra, snapshot_sink *sink, void *argument);

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
