/*
 * books_outbox - what is to be told to Redis, in the order in which it was entered: each
 * part is applied once, however often it is sent, by its number.
 */
#ifndef POLICYD_BOOKS_BOOKS_OUTBOX_H
#define POLICYD_BOOKS_BOOKS_OUTBOX_H

#include "policyd/books/books.h"

bool books_outbox_add(struct books *books, struct span text, struct error *error);

/* The oldest part behind number `after`: *number 0 where there is none.  The text is in
 * the arena. */
bool books_outbox_after(struct books *books, int64_t after, struct arena *arena,
    int64_t *number, struct span *text, struct error *error);

/* All up to this number were applied. */
bool books_outbox_remove(struct books *books, int64_t number, struct error *error);

/* Who first had mail on new: *news says whether that was not known, or not for sure. */
bool books_ledger_add(struct books *books, struct span domain, struct span unit,
    int64_t time_ms, bool sure, bool *news, struct error *error);

#endif
