/*
 * rehearsal_queue - who is asked about next: those of whom nothing is known, then the
 * others, each in the order in which they came.  Pure.  Inside policyd/rehearsal.
 */
#ifndef POLICYD_REHEARSAL_REHEARSAL_QUEUE_H
#define POLICYD_REHEARSAL_REHEARSAL_QUEUE_H

#include "policyd/rehearsal/rehearsal_people.h"

struct rehearsal_row {
    struct rehearsal_pair *first;
    struct rehearsal_pair *last;
};

/* Zeroes are an empty one. */
struct rehearsal_queue {
    struct rehearsal_row fresh;
    struct rehearsal_row again;
};

/* Where it isn't there, nor asked just now, and its person moves. */
void rehearsal_queue_put_last(struct rehearsal_queue *queue, struct rehearsal_pair *pair);
/* Before all others; it isn't there. */
void rehearsal_queue_put_first(
    struct rehearsal_queue *queue, struct rehearsal_pair *pair);

/* Those whose person no longer moves are dropped. */
bool rehearsal_queue_is_empty(struct rehearsal_queue *queue);
struct rehearsal_pair *rehearsal_queue_take(
    struct rehearsal_queue *queue); /* NULL: it is empty */

#endif
