#include "shared/base/arena.h"

#include "shared/base/allocate.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 4096 };

struct block {
    struct block *next;
    size_t used;
    size_t size;
    max_align_t data[];
};

struct arena {
    struct block *blocks; /* the newest first */
    size_t taken;
    size_t ceiling;
};

static struct block *
block_new(struct block *next, size_t size)
{
    struct block *block = allocated(malloc(sizeof(*block) + size));

    *block = (struct block){next, 0, size};
    return block;
}

static void
blocks_free_above(struct arena *arena, const struct block *last)
{
    while (arena->blocks != last) {
        struct block *next = arena->blocks->next;

        free(arena->blocks);
        arena->blocks = next;
    }
}

struct arena *
arena_new(size_t ceiling)
{
    struct arena *arena = allocate(sizeof(*arena));

    *arena = (struct arena){block_new(NULL, BLOCK_SIZE), 0, ceiling};
    return arena;
}

void
arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    blocks_free_above(arena, NULL);
    free(arena);
}

void
arena_reset(struct arena *arena)
{
    struct block *first = arena->blocks;

    while (first->next != NULL)
        first = first->next;
    blocks_free_above(arena, first);
    first->used = 0;
    arena->taken = 0;
}

size_t
arena_taken(const struct arena *arena)
{
    return arena->taken;
}

void *
arena_take(struct arena *arena, size_t size)
{
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct block *block = arena->blocks;
    void *taken;

    if (rounded < size || rounded > arena->ceiling - arena->taken)
        abort();
    if (rounded > block->size - block->used) {
        block = block_new(arena->blocks, rounded > BLOCK_SIZE ? rounded : BLOCK_SIZE);
        arena->blocks = block;
    }
    taken = (char *)block->data + block->used;
    block->used += rounded;
    arena->taken += rounded;
    return memset(taken, 0, rounded);
}

struct span
arena_span(struct arena *arena, struct span span)
{
    return span_make(arena_text(arena, span), span.length);
}

const char *
arena_text(struct arena *arena, struct span span)
{
    char *copy = arena_take(arena, span.length + 1);

    if (span.length > 0)
        memcpy(copy, span.data, span.length);
    return copy;
}

const char *
arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    int length;
    char *text;

    va_start(arguments, format);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(length >= 0);
    text = arena_take(arena, (size_t)length + 1);
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}
