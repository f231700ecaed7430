/*
 * packed_table - octet strings to octet strings: millions of them, packed.
 *
 * An entry takes its octets and 4, rounded up to 4, and 11 to 24 in the index.  What is
 * replaced or removed leaves holes; a block that is half holes is moved together.  The
 * index grows by one shelf of 16,384 slots at a time, so no single change takes longer
 * than about a millisecond.
 *
 * The order is that of a keyed hash of the keys, so that going through the table is not
 * disturbed by any change.  (Two keys with the same 64 bits would be met once; among ten
 * million there are such two with a chance of one in 370,000.)
 *
 * Limits: the index does not shrink.
 */
#ifndef POLICYD_REPLICA_PACKED_TABLE_H
#define POLICYD_REPLICA_PACKED_TABLE_H

#include "policyd/replica/packed_blocks.h"
#include "shared/base/hash.h"

struct packed_shelf;

struct packed_table {
    struct hash_key hash_key;
    struct packed_blocks blocks;
    size_t count;                  /* entries */
    struct packed_shelf **shelves; /* 2^depth; NULL in a table that never had an entry */
    unsigned depth;
    size_t shelf_memory; /* octets */
};

void packed_table_init(struct packed_table *table, struct hash_key hash_key);
void packed_table_clear(struct packed_table *table);

/* Borrowed until the next change. */
bool packed_table_find(
    const struct packed_table *table, struct span key, struct span *value);

/* False: too long, or no room for more; then nothing changed. */
bool packed_table_put(struct packed_table *table, struct span key, struct span value);

/* False: it was not there.  The key may be borrowed from the table. */
bool packed_table_remove(struct packed_table *table, struct span key);

/* The first entry behind *cursor (0: the very first); false after the last. */
bool packed_table_next(
    const struct packed_table *table, uint64_t *cursor, struct packed_entry *entry);

size_t packed_table_memory(const struct packed_table *table); /* octets */

#endif
