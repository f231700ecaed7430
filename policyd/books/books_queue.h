/*
 * books_queue - the books beside Postfix's own queue, a step at a time.
 *
 * In the queue alone: ids that Postfix lists and the books don't have as open.  In the
 * books alone: messages that wait there, of which the log has said nothing for
 * QUEUE_SETTLED_MS, and that Postfix does not list.  What came within QUEUE_SETTLED_MS
 * before the listing may not be in the log yet, and what ended since the listing was in
 * the queue then: neither is a difference.
 *
 * Limits: one queue is compared.  Where several instances of Postfix write one log, what
 * waits in the others is in the books alone.
 */
#ifndef POLICYD_BOOKS_BOOKS_QUEUE_H
#define POLICYD_BOOKS_BOOKS_QUEUE_H

#include "policyd/books/books_audit.h"

enum { QUEUE_SETTLED_MS = 60000 };

/* What the queue has: ids that Postfix lists. */
struct queue_entry {
    struct span queue_id;
    int64_t arrived_ms;
};

/* A comparison in hand; all of it is in the arena. */
struct queue_compare {
    struct arena *arena;
    struct queue_entry *entries; /* sorted */
    size_t count;
    int64_t asked_ms;  /* when Postfix was asked */
    size_t next_entry; /* of the queue's side */
    int64_t last_id;   /* of the books' side: that it has come to */
    struct audit_names queue_only;
    struct audit_names books_only;
};

/* The entries are put in another order, and stay until the end. */
void queue_compare_begin(struct queue_compare *compare, struct arena *arena,
    struct queue_entry *entries, size_t count, int64_t asked_ms);

/* About so many look-ups; *done once all is compared.  Nothing of the books is held from
 * one step to the next. */
bool queue_compare_step(struct queue_compare *compare, struct books *books, size_t rows,
    bool *done, struct error *error);

/* All of it at once. */
bool queue_compare_all(
    struct queue_compare *compare, struct books *books, struct error *error);

#endif
