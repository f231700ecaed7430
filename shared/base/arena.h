/*
 * arena - many allocations, one release.
 *
 * What is taken from an arena lives until arena_reset or arena_free.  An allocation that
 * would pass the ceiling, or that fails, ends the process: cap what comes from outside
 * before it gets here.
 */
#ifndef SHARED_BASE_ARENA_H
#define SHARED_BASE_ARENA_H

#include "shared/base/attributes.h"
#include "shared/base/span.h"

struct arena;

struct arena *arena_new(size_t ceiling);
void arena_free(struct arena *arena);  /* NULL is fine */
void arena_reset(struct arena *arena); /* releases all but the first block */

/* Octets taken since the start or the last reset: what counts against the ceiling. */
size_t arena_taken(const struct arena *arena);

void *arena_take(struct arena *arena, size_t size); /* zeroed, aligned for any type */
struct span arena_span(struct arena *arena, struct span span); /* a copy */
const char *arena_text(
    struct arena *arena, struct span span); /* a copy with a NUL behind it */
const char *arena_printf(struct arena *arena, const char *format, ...)
    ATTRIBUTE_PRINTF(2, 3);

#endif
