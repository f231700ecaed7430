/*
 * books_retire - what is older than it has to be goes from the books, a little at a time.
 *
 * A message goes `keep` after its end, with its recipients, attempts and all that it is
 * found by; what only began and was heard of no more goes after a day.  Where the books
 * are larger than they may be, the oldest that have ended go before their time.  What
 * waits stays, and so do the inputs of routes.  Pages become free and are used again: the
 * file does not shrink.
 */
#ifndef POLICYD_BOOKS_BOOKS_RETIRE_H
#define POLICYD_BOOKS_BOOKS_RETIRE_H

#include "policyd/books/books.h"

enum { BOOKS_RETIRE_ROWS = 2000 }; /* of a step: a large one would keep intake waiting */

struct books_keeping {
    int64_t keep_ms;
    uint64_t octets_max;
};

/* One step, in a transaction of its own.  *left: the next one has something to do. */
bool books_retire(struct books *books, const struct books_keeping *keeping,
    int64_t now_ms, bool *left, struct error *error);

#endif
