/*
 * snapshot_wire - a replica to octets: what policyd answers from when it starts without
 * Redis.  snapshot_reader reads them.
 *
 *     "postshift snapshot 1\n", then blocks:
 *     u32 length of the records (1 to 65536), the records,
 *     32 octets: SHA-256 over the digest before and the records
 *
 * Each digest contains the one before, so that nothing can be missing, doubled or out of
 * place; the last record of the last block says how many of each kind there are.  Numbers
 * are big endian, and "text" is a u16 length and as many octets.  Records:
 *
 * - A: u8 known, u64 time; the last accept that was taken
 * - D: text name, u64 rev, u8 count, then count times u8 length and field, text value; a
 *   domain that is ours, with count 0 one without a state
 * - P: text name, u8 place, u64 until; a pin
 * - U: text recipient, text unit; a unit
 * - L: text domain, text list; a list, in each block anew
 * - M: text unit; a member of the last list
 * - E: u64 time of writing, u64 domains, u64 pins, u64 units, u64 members
 *
 * Writing and reading stream: neither holds the whole file.  Pure.
 */
#ifndef POLICYD_REPLICA_SNAPSHOT_WIRE_H
#define POLICYD_REPLICA_SNAPSHOT_WIRE_H

#include "policyd/replica/replica_orders.h"
#include "shared/base/buffer.h"
#include "shared/base/digest.h"

#define SNAPSHOT_MAGIC "postshift snapshot 1\n"

enum {
    SNAPSHOT_BLOCK_MAX = 64 * 1024,
    SNAPSHOT_DIGEST_SIZE = DIGEST_SHA256_SIZE,
    SNAPSHOT_LENGTH_SIZE = 4,
};

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

#endif
