/*
 * queue_listing - what `postqueue -j` prints: an object a line, one for each message.
 *
 * A line that is none makes the whole listing unusable: a figure made of half of it would
 * be wrong, and nothing would show that.
 */
#ifndef POLICYD_BOOKS_QUEUE_LISTING_H
#define POLICYD_BOOKS_QUEUE_LISTING_H

#include "policyd/books/books_queue.h"

enum { QUEUE_ID_MAX = 64 };

/* One line, without its end; the id is copied to the arena.  False: it is none. */
bool queue_listing_line(struct arena *arena, struct span line, struct queue_entry *entry);

/* The whole text, in the arena. */
bool queue_listing_read(struct arena *arena, struct span text,
    struct queue_entry **entries, size_t *count, struct error *error);

#endif
