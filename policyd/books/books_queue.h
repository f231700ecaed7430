/*
 * books_queue - the books beside Postfix's own queue.
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

/*
 * Ids of the queue that the books don't have as open, and ids that the books have as
 * waiting for over QUEUE_SETTLED_MS before `now_ms` and the queue does not have.
 */
bool books_compare_queue(struct books *books, struct arena *arena,
    const struct queue_entry *entries, size_t count, int64_t now_ms,
    struct audit_names *queue_only, struct audit_names *books_only, struct error *error);

#endif
