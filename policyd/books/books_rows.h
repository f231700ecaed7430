/*
 * books_rows - a message and its recipients from the file and back to it.
 *
 * Inside policyd/books alone.  Within a transaction.
 */
#ifndef POLICYD_BOOKS_BOOKS_ROWS_H
#define POLICYD_BOOKS_BOOKS_ROWS_H

#include "policyd/books/books_base.h"
#include "policyd/books/books_message.h"

/* The newest message of this id that has not ended, one of its host before others; or
 * that was discarded since then, where that is given.  NULL: there is none.  It is the
 * caller's. */
bool books_rows_load(struct books *books, const struct books_id *id,
    int64_t discarded_since, struct books_message **message, struct error *error);

/* It, and those of its recipients that have changed. */
bool books_rows_write(
    struct books *books, struct books_message *message, struct error *error);

/* A deferred attempt, for trace. */
bool books_rows_attempt(struct books *books, const struct books_message *message,
    const struct books_recipient *recipient, struct error *error);

#endif
