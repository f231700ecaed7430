/*
 * Any file of the site's: lines read within bounds, and what is read stands in the line.
 */
#include <assert.h>

#include "policyd/checks/check_people.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look(struct span line)
{
    struct check_room room;
    struct span address;
    struct span owner;

    if (check_people_read_room(line, &room))
        assert(room.address.length > 0 && room.address.data >= line.data);
    if (check_people_read_alias(line, &address, &owner))
        assert(address.length > 0 && owner.length > 0 &&
               owner.data + owner.length <= line.data + line.length);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct arena *arena = arena_new(1 << 20);
    struct check check;
    struct span line;

    check_begin(&check, arena);
    check_people_forwards(text, NULL, &check);
    assert(check.count == 3);
    while (span_split(&text, '\n', &line))
        look(line);
    arena_free(arena);
    return 0;
}
