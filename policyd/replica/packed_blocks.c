#include "policyd/replica/packed_blocks.h"

#include "shared/base/allocate.h"

#include <assert.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/*
 * An entry: length of the key (its top bit: dead), length of the value, value, key.  A
 * reference is the number of the block and the entry's offset in it in units of 4 octets.
 */
enum {
    UNIT = 4,
    HEADER = 4,
    DEAD = 0x8000,
    FIRST_CAPACITY = 512,
    USUAL_CAPACITY = (256 << 10) - 64, /* whole pages with what the allocator adds */
    OFFSET_BITS = 16,
    BLOCKS_MAX = 1 << (32 - OFFSET_BITS),
    /* glibc maps what is larger by itself, and stops adapting that limit once it is told.
     */
    MAPPED_FROM = 128 << 10,
};

struct packed_block {
    char *data; /* NULL: its number is free */
    uint32_t capacity;
    uint32_t used; /* from UNIT on, so that no reference is 0 */
    uint32_t dead;
};

static uint16_t
load_length(const char *data)
{
    uint16_t length;

    memcpy(&length, data, sizeof(length));
    return length;
}

static void
store_length(char *data, size_t length)
{
    uint16_t stored = (uint16_t)length;

    memcpy(data, &stored, sizeof(stored));
}

static char *
data_of(const struct packed_blocks *blocks, uint32_t reference)
{
    size_t offset = (size_t)(reference & ((1U << OFFSET_BITS) - 1)) * UNIT;

    return blocks->blocks[packed_blocks_number(reference)].data + offset;
}

static uint32_t
size_with(size_t key_length, size_t value_length)
{
    return (uint32_t)((HEADER + key_length + value_length + UNIT - 1) / UNIT * UNIT);
}

static uint32_t
size_at(const char *data)
{
    return size_with(load_length(data) & (DEAD - 1), load_length(data + 2));
}

/* A number for a new block, or BLOCKS_MAX. */
static size_t
free_number(struct packed_blocks *blocks)
{
    struct packed_block *more;

    for (size_t i = 0; i < blocks->count; i++) {
        if (blocks->blocks[i].data == NULL)
            return i;
    }
    if (blocks->count == BLOCKS_MAX)
        return BLOCKS_MAX;
    more = allocate_grow(blocks->blocks, blocks->count + 1, sizeof(*more));
    more[blocks->count] = (struct packed_block){0};
    blocks->blocks = more;
    return blocks->count++;
}

/* Each block is twice as large as the one before, up to the usual size. */
static bool
new_tail(struct packed_blocks *blocks, uint32_t needed)
{
    size_t capacity = blocks->count == 0
                          ? FIRST_CAPACITY
                          : (size_t)2 * blocks->blocks[blocks->tail].capacity;
    size_t number = free_number(blocks);
    char *data;

    if (number == BLOCKS_MAX)
        return false;
    if (capacity > USUAL_CAPACITY)
        capacity = USUAL_CAPACITY;
    if (capacity < UNIT + needed)
        capacity = UNIT + needed;
    data = allocated(malloc(capacity));
    blocks->blocks[number] =
        (struct packed_block){.data = data, .capacity = (uint32_t)capacity, .used = UNIT};
    blocks->tail = number;
    blocks->memory += capacity;
    return true;
}

void
packed_blocks_set_up(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
}

void
packed_blocks_clear(struct packed_blocks *blocks)
{
    for (size_t i = 0; i < blocks->count; i++)
        free(blocks->blocks[i].data);
    free(blocks->blocks);
    *blocks = (struct packed_blocks){0};
}

uint32_t
packed_blocks_append(struct packed_blocks *blocks, struct span key, struct span value)
{
    uint32_t size = size_with(key.length, value.length);
    struct packed_block *block;
    uint32_t offset;
    char *data;

    if (key.length > PACKED_LENGTH_MAX || value.length > PACKED_LENGTH_MAX)
        return 0;
    if ((blocks->count == 0 ||
            blocks->blocks[blocks->tail].capacity - blocks->blocks[blocks->tail].used <
                size) &&
        !new_tail(blocks, size))
        return 0;
    block = &blocks->blocks[blocks->tail];
    offset = block->used;
    data = block->data + offset;
    block->used += size;
    store_length(data, key.length);
    store_length(data + 2, value.length);
    if (value.length > 0)
        memcpy(data + HEADER, value.data, value.length);
    if (key.length > 0)
        memcpy(data + HEADER + value.length, key.data, key.length);
    return (uint32_t)(blocks->tail << OFFSET_BITS | offset / UNIT);
}

struct packed_entry
packed_blocks_entry(const struct packed_blocks *blocks, uint32_t reference)
{
    const char *data = data_of(blocks, reference);
    size_t value_length = load_length(data + 2);

    return (struct packed_entry){
        .value = span_make(data + HEADER, value_length),
        .key = span_make(data + HEADER + value_length, load_length(data) & (DEAD - 1)),
    };
}

void
packed_blocks_replace(struct packed_blocks *blocks, uint32_t reference, struct span value)
{
    char *data = data_of(blocks, reference);

    assert(load_length(data + 2) == value.length);
    if (value.length > 0)
        memmove(data + HEADER, value.data, value.length);
}

void
packed_blocks_remove(struct packed_blocks *blocks, uint32_t reference)
{
    char *data = data_of(blocks, reference);
    size_t number = packed_blocks_number(reference);

    assert((load_length(data) & DEAD) == 0);
    blocks->blocks[number].dead += size_at(data);
    store_length(data, load_length(data) | DEAD);
}

size_t
packed_blocks_number(uint32_t reference)
{
    return reference >> OFFSET_BITS;
}

bool
packed_blocks_is_sparse(const struct packed_blocks *blocks, size_t number)
{
    const struct packed_block *block = &blocks->blocks[number];

    return block->data != NULL && block->dead > (block->used - UNIT) / 2;
}

bool
packed_blocks_next(const struct packed_blocks *blocks, size_t number, uint32_t *offset,
    uint32_t *reference)
{
    const struct packed_block *block = &blocks->blocks[number];

    if (*offset == 0)
        *offset = UNIT;
    while (*offset < block->used) {
        const char *data = block->data + *offset;

        *reference = (uint32_t)(number << OFFSET_BITS | *offset / UNIT);
        *offset += size_at(data);
        if ((load_length(data) & DEAD) == 0)
            return true;
    }
    return false;
}

void
packed_blocks_release(struct packed_blocks *blocks, size_t number)
{
    struct packed_block *block = &blocks->blocks[number];

    assert(block->dead == block->used - UNIT);
    blocks->memory -= block->capacity;
    free(block->data);
    *block = (struct packed_block){0};
}
