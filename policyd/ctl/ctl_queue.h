/*
 * ctl_queue - what `postqueue -j` prints.
 */
#ifndef POLICYD_CTL_CTL_QUEUE_H
#define POLICYD_CTL_CTL_QUEUE_H

#include "policyd/books/books_queue.h"

/* An entry a line, in the arena; lines that are none are passed over.  Gives how many. */
size_t ctl_queue_read(
    struct arena *arena, struct span text, struct queue_entry **entries);

#endif
