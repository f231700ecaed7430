#include "policyd/replica/packed_shelf.h"

#include "shared/base/allocate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t
octets_of(uint32_t size)
{
    return sizeof(struct packed_shelf) + size * sizeof(struct packed_slot);
}

struct packed_shelf *
packed_shelf_new(unsigned depth, unsigned bits)
{
    uint32_t size = (1U << bits) + (1U << bits) / 8 + 16;
    struct packed_shelf *shelf = allocate(octets_of(size));

    shelf->depth = depth;
    shelf->bits = bits;
    shelf->size = size;
    return shelf;
}

void
packed_shelf_free(struct packed_shelf *shelf)
{
    free(shelf);
}

size_t
packed_shelf_memory(const struct packed_shelf *shelf)
{
    return octets_of(shelf->size);
}

uint32_t
packed_shelf_home(const struct packed_shelf *shelf, uint32_t tag)
{
    return (uint32_t)(tag << shelf->depth) >> (32 - shelf->bits);
}

bool
packed_shelf_is_taken(const struct packed_shelf *shelf, uint32_t at)
{
    return at < shelf->size && shelf->slots[at].reference != 0;
}

void
packed_shelf_append(struct packed_shelf *shelf, struct packed_slot slot, uint32_t *end)
{
    uint32_t home = packed_shelf_home(shelf, slot.tag);

    if (*end < home)
        *end = home;
    assert(*end < shelf->size);
    shelf->slots[(*end)++] = slot;
    shelf->used++;
}

bool
packed_shelf_insert(struct packed_shelf *shelf, struct packed_slot slot, uint32_t at)
{
    uint32_t end = at;

    if (shelf->used >= (3U << shelf->bits) / 4)
        return false;
    while (packed_shelf_is_taken(shelf, end))
        end++;
    if (end == shelf->size)
        return false;
    memmove(&shelf->slots[at + 1], &shelf->slots[at],
        (end - at) * sizeof(struct packed_slot));
    shelf->slots[at] = slot;
    shelf->used++;
    return true;
}

/* Closes the gap: those behind that do not stand at home move up. */
void
packed_shelf_remove(struct packed_shelf *shelf, uint32_t at)
{
    while (packed_shelf_is_taken(shelf, at + 1) &&
           packed_shelf_home(shelf, shelf->slots[at + 1].tag) <= at) {
        shelf->slots[at] = shelf->slots[at + 1];
        at++;
    }
    shelf->slots[at] = (struct packed_slot){0, 0};
    shelf->used--;
}
