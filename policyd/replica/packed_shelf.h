/*
 * packed_shelf - a part of a packed_table's index: slots sorted by hash.
 *
 * A shelf holds the entries whose hashes begin with the same `depth` bits.  Each stands
 * at the slot that its next bits say (its home), or behind it where that is taken:
 * linear probing that keeps the order.  There are a few slots more behind the last.
 */
#ifndef POLICYD_REPLICA_PACKED_SHELF_H
#define POLICYD_REPLICA_PACKED_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PACKED_SHELF_BITS_MIN = 4, PACKED_SHELF_BITS_MAX = 14 };

struct packed_slot {
    uint32_t tag;       /* the first 32 bits of the hash */
    uint32_t reference; /* 0: free */
};

struct packed_shelf {
    unsigned depth;
    unsigned bits;
    uint32_t used;
    uint32_t size;
    struct packed_slot slots[];
};

struct packed_shelf *packed_shelf_new(unsigned depth, unsigned bits);
void packed_shelf_free(struct packed_shelf *shelf);

size_t packed_shelf_memory(const struct packed_shelf *shelf); /* octets */

uint32_t packed_shelf_home(const struct packed_shelf *shelf, uint32_t tag);
bool packed_shelf_is_taken(const struct packed_shelf *shelf, uint32_t at);

/* For slots that come in order: behind the last one, which ends before *end. */
void packed_shelf_append(
    struct packed_shelf *shelf, struct packed_slot slot, uint32_t *end);

/*
 * Puts one in between at `at`, where its order wants it.  False: the shelf is full (three
 * quarters of it, or no slot is left behind) and must grow.
 */
bool packed_shelf_insert(
    struct packed_shelf *shelf, struct packed_slot slot, uint32_t at);

void packed_shelf_remove(struct packed_shelf *shelf, uint32_t at);

#endif
