/*
 * What a child says that should be postqueue -j.
 */
#include <assert.h>

#include "policyd/books/queue_listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(((size_t)1 << 20) + 100 * size);
    struct queue_entry *entries;
    struct error error;
    size_t count;

    if (queue_listing_read(arena, span_make(data, size), &entries, &count, &error)) {
        for (size_t i = 0; i < count; i++)
            assert(entries[i].queue_id.length > 0 &&
                   entries[i].queue_id.length <= QUEUE_ID_MAX &&
                   entries[i].arrived_ms >= 0);
    }
    arena_free(arena);
    return 0;
}
