/*
 * allocate - memory, or the end of the process.
 *
 * What comes from outside has ceilings, so memory that can't be had means that the
 * machine is out of it: the process ends, and systemd starts it again.  All of it goes
 * back by free().
 */
#ifndef SHARED_BASE_ALLOCATE_H
#define SHARED_BASE_ALLOCATE_H

#include "shared/base/span.h"

/* Zeroed. */
void *allocate(size_t size) __attribute__((malloc, returns_nonnull));
void *allocate_array(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* `array`, which may be NULL, with room for `count` items; the new ones are not set. */
void *allocate_grow(void *array, size_t count, size_t size)
    __attribute__((returns_nonnull));

/* The same for one more than `count` items, by doubling `room`, which says how many have
 * room now. */
void *allocate_more(void *array, size_t count, size_t *room, size_t size)
    __attribute__((returns_nonnull));

/* A C string of its own; what stands behind a NUL in `text` is no part of it. */
char *allocate_text(struct span text) __attribute__((malloc, returns_nonnull));

/* What another function has made, such as an event of a library, where NULL means that it
 * had no memory. */
void *allocated(void *made) __attribute__((returns_nonnull));

#endif
