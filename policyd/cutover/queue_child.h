/*
 * queue_child - asks Postfix for its queue: a child `postqueue -j`, read on the event
 * loop a piece at a time.
 *
 * It has 30 seconds; a listing of more than 256 MiB, of more than 300,000 messages or
 * with a line of more than 8 MiB is too much.  Of all that goes wrong there is one line;
 * of what went wrong there is no listing, not a part of one.
 */
#ifndef POLICYD_CUTOVER_QUEUE_CHILD_H
#define POLICYD_CUTOVER_QUEUE_CHILD_H

#include "policyd/books/books_queue.h"

struct event_base;
struct queue_child;

struct queue_listed {
    struct arena *arena; /* of the ids, borrowed */
    struct queue_entry *entries;
    size_t count;
    int64_t asked_ms;  /* unix milliseconds */
    const char *wrong; /* NULL: the listing is whole */
};

/* `postfix` is Postfix's configuration folder, "" for its own.  `listed` is called once
 * for each start, never within it; what it gets stays until the next start. */
struct queue_child *queue_child_new(struct event_base *base, const char *postfix,
    void (*listed)(void *argument, struct queue_listed *listed), void *argument);
void queue_child_free(struct queue_child *child); /* ends it */

/* Nothing where one runs, or has not ended yet. */
void queue_child_start(struct queue_child *child);

#endif
