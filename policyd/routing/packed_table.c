#include "policyd/routing/packed_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * The index is a directory of shelves.  A shelf holds the entries whose hashes begin with
 * the same `depth` bits, sorted by hash; each stands at the place that its next bits say,
 * or behind it where that is taken (linear probing that keeps the order).  There are a
 * few places more behind the last.  A full shelf becomes one twice as large, a full large
 * one becomes two.
 */
enum { SHELF_BITS_MIN = 4, SHELF_BITS_MAX = 14, DEPTH_MAX = 18 };

struct packed_place {
    uint32_t tag;       /* the first 32 bits of the hash */
    uint32_t reference; /* 0: free */
};

struct packed_shelf {
    unsigned depth;
    unsigned bits;
    uint32_t used;
    uint32_t size;
    struct packed_place places[];
};

static const uint32_t no_place = UINT32_MAX;

static void *
take_memory(struct packed_table *table, size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL)
        abort();
    table->index_memory += size;
    return memory;
}

static void
give_memory(struct packed_table *table, void *memory, size_t size)
{
    table->index_memory -= size;
    free(memory);
}

static size_t
shelf_octets(uint32_t size)
{
    return sizeof(struct packed_shelf) + size * sizeof(struct packed_place);
}

static struct packed_shelf *
new_shelf(struct packed_table *table, unsigned depth, unsigned bits)
{
    uint32_t size = (1U << bits) + (1U << bits) / 8 + 16;
    struct packed_shelf *shelf = take_memory(table, shelf_octets(size));

    shelf->depth = depth;
    shelf->bits = bits;
    shelf->size = size;
    return shelf;
}

static void
free_shelf(struct packed_table *table, struct packed_shelf *shelf)
{
    give_memory(table, shelf, shelf_octets(shelf->size));
}

/* Never 0: that is where going through begins. */
static uint64_t
hash_key(const struct packed_table *table, struct span key)
{
    uint64_t hash = hash_of(key, table->hash_key);

    return hash == 0 ? 1 : hash;
}

static struct packed_entry
entry_of(const struct packed_table *table, struct packed_place place)
{
    return packed_blocks_entry(&table->blocks, place.reference);
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

static uint32_t
home_of(const struct packed_shelf *shelf, uint32_t tag)
{
    return (uint32_t)(tag << shelf->depth) >> (32 - shelf->bits);
}

static bool
is_taken(const struct packed_shelf *shelf, uint32_t at)
{
    return at < shelf->size && shelf->places[at].reference != 0;
}

/* Whether a place comes before a hash.  Tags hardly ever tie; then the key is asked. */
static bool
is_before(const struct packed_table *table, struct packed_place place, uint64_t hash)
{
    if (place.tag != tag_of(hash))
        return place.tag < tag_of(hash);
    return hash_key(table, entry_of(table, place).key) < hash;
}

static uint32_t
find_place(const struct packed_table *table, const struct packed_shelf *shelf,
    uint64_t hash, struct span key)
{
    uint32_t tag = tag_of(hash);

    for (uint32_t at = home_of(shelf, tag); is_taken(shelf, at); at++) {
        struct packed_place place = shelf->places[at];

        if (place.tag > tag)
            break;
        if (place.tag == tag && span_equal(entry_of(table, place).key, key))
            return at;
    }
    return no_place;
}

/* For places that come in order, each behind the last, which ends before *end. */
static void
append_place(struct packed_shelf *shelf, struct packed_place place, uint32_t *end)
{
    uint32_t home = home_of(shelf, place.tag);

    if (*end < home)
        *end = home;
    assert(*end < shelf->size);
    shelf->places[(*end)++] = place;
    shelf->used++;
}

static void
double_directory(struct packed_table *table)
{
    size_t count = (size_t)1 << table->depth;
    size_t octets = count * sizeof(struct packed_shelf *);
    struct packed_shelf **shelves = take_memory(table, 2 * octets);

    assert(table->depth < DEPTH_MAX);
    for (size_t i = 0; i < 2 * count; i++)
        shelves[i] = table->shelves[i / 2];
    give_memory(table, table->shelves, octets);
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
        if (is_taken(old, i))
            append_place(larger, old->places[i], &end);
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

    for (size_t half = 0; half < 2; half++) {
        halves[half] = new_shelf(table, old->depth + 1, old->bits);
        set_shelves(table, number + half * copies / 2, copies / 2, halves[half]);
    }
    for (uint32_t i = 0; i < old->size; i++) {
        uint32_t half = old->places[i].tag << old->depth >> 31;

        if (is_taken(old, i))
            append_place(halves[half], old->places[i], &ends[half]);
    }
    free_shelf(table, old);
}

/* Twice the places for what begins as `tag` does. */
static void
grow(struct packed_table *table, uint32_t tag)
{
    struct packed_shelf *shelf = table->shelves[shelf_number(table, tag)];
    size_t copies;
    size_t first;

    if (shelf->bits == SHELF_BITS_MAX && shelf->depth == table->depth)
        double_directory(table);
    /* The directory names it this many times, side by side. */
    copies = (size_t)1 << (table->depth - shelf->depth);
    first = shelf_number(table, tag) / copies * copies;
    if (shelf->bits < SHELF_BITS_MAX)
        enlarge_shelf(table, first, copies);
    else
        split_shelf(table, first, copies);
}

/* False: the shelf must grow first. */
static bool
try_insert(const struct packed_table *table, struct packed_shelf *shelf, uint64_t hash,
    uint32_t reference)
{
    uint32_t at = home_of(shelf, tag_of(hash));
    uint32_t end;

    if (shelf->used >= (3U << shelf->bits) / 4)
        return false;
    while (is_taken(shelf, at) && is_before(table, shelf->places[at], hash))
        at++;
    end = at;
    while (is_taken(shelf, end))
        end++;
    if (end == shelf->size)
        return false;
    memmove(&shelf->places[at + 1], &shelf->places[at],
        (end - at) * sizeof(struct packed_place));
    shelf->places[at] = (struct packed_place){tag_of(hash), reference};
    shelf->used++;
    return true;
}

/* Closes the gap: those behind that do not stand at home move up. */
static void
remove_place(struct packed_shelf *shelf, uint32_t at)
{
    while (is_taken(shelf, at + 1) && home_of(shelf, shelf->places[at + 1].tag) <= at) {
        shelf->places[at] = shelf->places[at + 1];
        at++;
    }
    shelf->places[at] = (struct packed_place){0, 0};
    shelf->used--;
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
        uint32_t at = find_place(table, shelf, hash, entry.key);
        uint32_t moved = packed_blocks_append(blocks, entry.key, entry.value);

        assert(at != no_place);
        if (moved == 0)
            return;
        shelf->places[at].reference = moved;
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
        free(shelf);
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
    at = find_place(table, shelf, hash, key);
    if (at == no_place)
        return false;
    *value = entry_of(table, shelf->places[at]).value;
    return true;
}

static bool
put_new(struct packed_table *table, uint64_t hash, struct span key, struct span value)
{
    uint32_t reference = append_entry(table, key, value);

    if (reference == 0)
        return false;
    if (table->shelves == NULL) {
        table->shelves = take_memory(table, sizeof(struct packed_shelf *));
        table->shelves[0] = new_shelf(table, 0, SHELF_BITS_MIN);
    }
    while (!try_insert(
        table, table->shelves[shelf_number(table, tag_of(hash))], hash, reference))
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
    at = find_place(
        table, shelf, hash, packed_blocks_entry(&table->blocks, reference).key);
    former = shelf->places[at].reference;
    shelf->places[at].reference = reference;
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
    at = find_place(table, shelf, hash, key);
    if (at == no_place)
        return put_new(table, hash, key, value);
    if (entry_of(table, shelf->places[at]).value.length != value.length)
        return put_longer(table, hash, key, value);
    packed_blocks_replace(&table->blocks, shelf->places[at].reference, value);
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
    at = find_place(table, shelf, hash, key);
    if (at == no_place)
        return false;
    reference = shelf->places[at].reference;
    remove_place(shelf, at);
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
        uint32_t at = is_first ? home_of(shelf, tag_of(wanted)) : 0;

        for (; at < shelf->size; at++) {
            if (!is_taken(shelf, at) || is_before(table, shelf->places[at], wanted))
                continue;
            *entry = entry_of(table, shelf->places[at]);
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
    return table->blocks.memory + table->index_memory;
}
