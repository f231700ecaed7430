/*
 * packed_blocks - keys with their values, packed one behind the other in large blocks.
 *
 * The store of a packed_table.  An entry takes its octets and 4, rounded up to 4.  It is
 * known by a reference, which is never 0, and stays where it is until its block is moved
 * together by the owner: packed_blocks_next to find what lives in it, append each anew,
 * remove it, release the block.
 *
 * Blocks are 256 KiB (the first ones smaller), which the allocator maps one by one when
 * packed_blocks_set_up was called at start.
 */
#ifndef POLICYD_REPLICA_PACKED_BLOCKS_H
#define POLICYD_REPLICA_PACKED_BLOCKS_H

#include "shared/base/span.h"

enum { PACKED_LENGTH_MAX = 4096 }; /* octets of a key, and of a value */

struct packed_block;

/* Zeroes are an empty one. */
struct packed_blocks {
    struct packed_block *blocks;
    size_t count;
    size_t tail;   /* the block that entries are put into */
    size_t memory; /* octets taken */
};

struct packed_entry {
    struct span key;
    struct span value;
};

/* Once in a process, at start: large pieces of memory go back to the system when freed.
 */
void packed_blocks_set_up(void);

void packed_blocks_clear(struct packed_blocks *blocks);

/* 0: too long, or no room for more (16 GiB).  Key and value may be borrowed from here. */
uint32_t packed_blocks_append(
    struct packed_blocks *blocks, struct span key, struct span value);

/* Borrowed until the block is released. */
struct packed_entry packed_blocks_entry(
    const struct packed_blocks *blocks, uint32_t reference);

/* The value is `value`, which is as long as the former one. */
void packed_blocks_replace(
    struct packed_blocks *blocks, uint32_t reference, struct span value);

void packed_blocks_remove(struct packed_blocks *blocks, uint32_t reference);

/* The number of a reference's block, and whether more than half of that is holes. */
size_t packed_blocks_number(uint32_t reference);
bool packed_blocks_is_sparse(const struct packed_blocks *blocks, size_t number);

/* The next living entry of a block; start with *offset = 0.  False after the last. */
bool packed_blocks_next(const struct packed_blocks *blocks, size_t number,
    uint32_t *offset, uint32_t *reference);

/* Gives a block back; nothing may live in it. */
void packed_blocks_release(struct packed_blocks *blocks, size_t number);

#endif
