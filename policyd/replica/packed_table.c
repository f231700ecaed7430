#include "policyd/replica/packed_table.h"

#include <assert.h>
#include <stdlib.h>

#include "policyd/replica/packed_shelf.h"
#include "shared/base/allocate.h"

/*
 * The index is a directory of shelves, found by the first bits of a hash.  A full shelf
 * becomes one twice as large, a full large one becomes two.
 */
enum { DEPTH_MAX = 18 };

static const uint32_t no_slot = UINT32_MAX;

static struct packed_shelf **
new_directory(size_t count)
{
    struct packed_shelf **shelves = allocate_array(count, sizeof(struct packed_shelf *));

    return shelves;
}

static struct packed_shelf *
new_shelf(struct packed_table *table, unsigned depth, unsigned bits)
{
    struct packed_shelf *shelf = packed_shelf_new(depth, bits);

    table->shelf_memory += packed_shelf_memory(shelf);
    return shelf;
}

static void
free_shelf(struct packed_table *table, struct packed_shelf *shelf)
{
    table->shelf_memory -= packed_shelf_memory(shelf);
    packed_shelf_free(shelf);
}

/* Never 0: that is where going through begins. */
static uint64_t
hash_key(const struct packed_table *table, struct span key)
{
    uint64_t hash = hash_of(key, table->hash_key);

    return hash == 0 ? 1 : hash;
}

static struct packed_entry
entry_of(const struct packed_table *table, struct packed_slot slot)
{
    return packed_blocks_entry(&table->blocks, slot.reference);
}

static uint32_t
tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

static size_t
shelf_number(const struct packed_table *table, uint32_t tag)
{
    return (size_t)((uint64_t)tag << table->depth >> 32);
}

/* Whether a slot comes before a hash.  Tags hardly ever tie; then the key is asked. */
static bool
is_before(const struct packed_table *table, struct packed_slot slot, uint64_t hash)
{
    if (slot.tag != tag_of(hash))
        return slot.tag < tag_of(hash);
    return hash_key(table, entry_of(table, slot).key) < hash;
}

static uint32_t
find_slot(const struct packed_table *table, const struct packed_shelf *shelf,
    uint64_t hash, struct span key)
{
    uint32_t tag = tag_of(hash);

    for (uint32_t at = packed_shelf_home(shelf, tag); packed_shelf_is_taken(shelf, at);
         at++) {
        struct packed_slot slot = shelf->slots[at];

        if (slot.tag > tag)
            break;
        if (slot.tag == tag && span_equal(entry_of(table, slot).key, key))
            return at;
    }
    return no_slot;
}

static void
double_directory(struct packed_table *table)
{
    size_t count = (size_t)1 << table->depth;
    struct packed_shelf **shelves = new_directory(2 * count);

    assert(table->depth < DEPTH_MAX);
    for (size_t i = 0; i < 2 * count; i++)
        shelves[i] = table->shelves[i / 2];
    free(table->shelves);
    table->shelves = shelves;
    table->depth++;
}

static void
set_shelves(
    struct packed_table *table, size_t first, size_t count, struct packed_shelf *shelf)
{
    for (size_t i = 0; i < count; i++)
        table->shelves[first + i] = shelf;
}

static void
enlarge_shelf(struct packed_table *table, size_t number, size_t copies)
{
    struct packed_shelf *old = table->shelves[number];
    struct packed_shelf *larger = new_shelf(table, old->depth, old->bits + 1);
    uint32_t end = 0;

    for (uint32_t i = 0; i < old->size; i++) {
        if (packed_shelf_is_taken(old, i))
            packed_shelf_append(larger, old->slots[i], &end);
    }
    set_shelves(table, number, copies, larger);
    free_shelf(table, old);
}

static void
split_shelf(struct packed_table *table, size_t number, size_t copies)
{
    struct packed_shelf *old = table->shelves[number];
    struct packed_shelf *halves[2];
    uint32_t ends[2] = {0, 0};

    assert(copies >= 2);
    for (size_t half = 0; half < 2; half++) {
        halves[half] = new_shelf(table, old->depth + 1, old->bits);
        set_shelves(table, number + half * copies / 2, copies / 2, halves[half]);
    }
    for (uint32_t i = 0; i < old->size; i++) {
        uint32_t half = old->slots[i].tag << old->depth >> 31;

        if (packed_shelf_is_taken(old, i))
            packed_shelf_append(halves[half], old->slots[i], &ends[half]);
    }
    free_shelf(table, old);
}

/* Twice the slots for what begins as `tag` does. */
static void
grow(struct packed_table *table, uint32_t tag)
{
    struct packed_shelf *shelf = table->shelves[shelf_number(table, tag)];
    size_t copies;
    size_t first;

    if (shelf->bits == PACKED_SHELF_BITS_MAX && shelf->depth == table->depth)
        double_directory(table);
    /* The directory names it this many times, side by side. */
    copies = (size_t)1 << (table->depth - shelf->depth);
    first = shelf_number(table, tag) / copies * copies;
    if (shelf->bits < PACKED_SHELF_BITS_MAX)
        enlarge_shelf(table, first, copies);
    else
        split_shelf(table, first, copies);
}

/* False: the shelf must grow first. */
static bool
try_insert(const struct packed_table *table, uint64_t hash, uint32_t reference)
{
    struct packed_shelf *shelf = table->shelves[shelf_number(table, tag_of(hash))];
    uint32_t at = packed_shelf_home(shelf, tag_of(hash));

    while (packed_shelf_is_taken(shelf, at) && is_before(table, shelf->slots[at], hash))
        at++;
    return packed_shelf_insert(shelf, (struct packed_slot){tag_of(hash), reference}, at);
}

/* Moves what lives in a block that is half holes to where there is room. */
static void
tidy(struct packed_table *table, size_t number)
{
    struct packed_blocks *blocks = &table->blocks;
    uint32_t offset = 0;
    uint32_t reference;

    if (number == blocks->tail || !packed_blocks_is_sparse(blocks, number))
        return;
    while (packed_blocks_next(blocks, number, &offset, &reference)) {
        struct packed_entry entry = packed_blocks_entry(blocks, reference);
        uint64_t hash = hash_key(table, entry.key);
        struct packed_shelf *shelf = table->shelves[shelf_number(table, tag_of(hash))];
        uint32_t at = find_slot(table, shelf, hash, entry.key);
        uint32_t moved = packed_blocks_append(blocks, entry.key, entry.value);

        assert(at != no_slot);
        if (moved == 0)
            return;
        shelf->slots[at].reference = moved;
        packed_blocks_remove(blocks, reference);
    }
    packed_blocks_release(blocks, number);
}

/* Puts an entry into a block; the block that was filled up before may now be tidied. */
static uint32_t
append_entry(struct packed_table *table, struct span key, struct span value)
{
    size_t tail = table->blocks.tail;
    uint32_t reference = packed_blocks_append(&table->blocks, key, value);

    if (table->blocks.tail != tail)
        tidy(table, tail);
    return reference;
}

static void
remove_entry(struct packed_table *table, uint32_t reference)
{
    packed_blocks_remove(&table->blocks, reference);
    tidy(table, packed_blocks_number(reference));
}

void
packed_table_init(struct packed_table *table, struct hash_key hash_key)
{
    *table = (struct packed_table){.hash_key = hash_key};
}

void
packed_table_clear(struct packed_table *table)
{
    size_t count = table->shelves == NULL ? 0 : (size_t)1 << table->depth;

    for (size_t i = 0; i < count;) {
        struct packed_shelf *shelf = table->shelves[i];

        i += (size_t)1 << (table->depth - shelf->depth);
        packed_shelf_free(shelf);
    }
    free(table->shelves);
    packed_blocks_clear(&table->blocks);
    packed_table_init(table, table->hash_key);
}

bool
packed_table_find(const struct packed_table *table, struct span key, struct span *value)
{
    uint64_t hash = hash_key(table, key);
    const struct packed_shelf *shelf;
    uint32_t at;

    if (table->shelves == NULL)
        return false;
    shelf = table->shelves[shelf_number(table, tag_of(hash))];
    at = find_slot(table, shelf, hash, key);
    if (at == no_slot)
        return false;
    *value = entry_of(table, shelf->slots[at]).value;
    return true;
}

static bool
put_new(struct packed_table *table, uint64_t hash, struct span key, struct span value)
{
    uint32_t reference = append_entry(table, key, value);

    if (reference == 0)
        return false;
    if (table->shelves == NULL) {
        table->shelves = new_directory(1);
        table->shelves[0] = new_shelf(table, 0, PACKED_SHELF_BITS_MIN);
    }
    while (!try_insert(table, hash, reference))
        grow(table, tag_of(hash));
    table->count++;
    return true;
}

/* The former entry may be moved while room is made for the new one: it is found again. */
static bool
put_longer(struct packed_table *table, uint64_t hash, struct span key, struct span value)
{
    struct packed_shelf *shelf = table->shelves[shelf_number(table, tag_of(hash))];
    uint32_t reference = append_entry(table, key, value);
    uint32_t former;
    uint32_t at;

    if (reference == 0)
        return false;
    at =
        find_slot(table, shelf, hash, packed_blocks_entry(&table->blocks, reference).key);
    former = shelf->slots[at].reference;
    shelf->slots[at].reference = reference;
    remove_entry(table, former);
    return true;
}

bool
packed_table_put(struct packed_table *table, struct span key, struct span value)
{
    uint64_t hash = hash_key(table, key);
    const struct packed_shelf *shelf;
    uint32_t at;

    if (table->shelves == NULL)
        return put_new(table, hash, key, value);
    shelf = table->shelves[shelf_number(table, tag_of(hash))];
    at = find_slot(table, shelf, hash, key);
    if (at == no_slot)
        return put_new(table, hash, key, value);
    if (entry_of(table, shelf->slots[at]).value.length != value.length)
        return put_longer(table, hash, key, value);
    packed_blocks_replace(&table->blocks, shelf->slots[at].reference, value);
    return true;
}

bool
packed_table_remove(struct packed_table *table, struct span key)
{
    uint64_t hash = hash_key(table, key);
    struct packed_shelf *shelf;
    uint32_t reference;
    uint32_t at;

    if (table->shelves == NULL)
        return false;
    shelf = table->shelves[shelf_number(table, tag_of(hash))];
    at = find_slot(table, shelf, hash, key);
    if (at == no_slot)
        return false;
    reference = shelf->slots[at].reference;
    packed_shelf_remove(shelf, at);
    remove_entry(table, reference);
    table->count--;
    return true;
}

bool
packed_table_next(
    const struct packed_table *table, uint64_t *cursor, struct packed_entry *entry)
{
    uint64_t wanted = *cursor + 1; /* or the next higher one */
    size_t number = shelf_number(table, tag_of(wanted));
    bool is_first = true;

    if (table->count == 0 || wanted == 0)
        return false;
    while (number < (size_t)1 << table->depth) {
        const struct packed_shelf *shelf = table->shelves[number];
        size_t copies = (size_t)1 << (table->depth - shelf->depth);
        uint32_t at = is_first ? packed_shelf_home(shelf, tag_of(wanted)) : 0;

        for (; at < shelf->size; at++) {
            if (!packed_shelf_is_taken(shelf, at) ||
                is_before(table, shelf->slots[at], wanted))
                continue;
            *entry = entry_of(table, shelf->slots[at]);
            *cursor = hash_key(table, entry->key);
            return true;
        }
        number = number / copies * copies + copies;
        is_first = false;
    }
    return false;
}

size_t
packed_table_memory(const struct packed_table *table)
{
    size_t directory = table->shelves == NULL ? 0 : (size_t)1 << table->depth;

    return table->blocks.memory + table->shelf_memory +
           directory * sizeof(struct packed_shelf *);
}
