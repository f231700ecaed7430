/*
 * books_returned - mail that a backend took and gave back: delivered to new, and accepted
 * here again afterwards, for the same recipient, from an address of new.
 *
 * By Message-ID; mail without one is not found.  At most RETURNED_LOOKED deliveries are
 * looked at, the newest.
 */
#ifndef POLICYD_BOOKS_BOOKS_RETURNED_H
#define POLICYD_BOOKS_BOOKS_RETURNED_H

#include "policyd/books/books.h"

enum { RETURNED_MAX = 20, RETURNED_LOOKED = 2000 };

struct books_returned {
    struct span address;
    struct span message_id;
    struct span client; /* "name[192.0.2.1]" */
};

struct books_returned_query {
    struct span domain;
    int64_t since_ms;
    /* Whether a client, its address alone, is of new. */
    bool (*is_of_new)(void *argument, struct span address);
    void *argument;
};

/* `*delivered`: how many to new were looked at.  Texts are in the arena. */
bool books_returned_find(struct books *books, struct arena *arena,
    const struct books_returned_query *query, struct books_returned rows[RETURNED_MAX],
    size_t *count, uint64_t *delivered, struct error *error);

#endif
