/*
 * books_retire - what is older than it has to be goes from the books, a little at a time.
 *
 * A message goes `keep` after its end, with its recipients and attempts; what only began
 * and was heard of no more goes after a day.  Where the books are larger than they may
 * be, the oldest that have ended go before their time.  What waits stays, and so do the
 * inputs of routes.
 *
 * What messages were found by (hashes, in one index) is swept in the order of the index,
 * round after round: it goes within about a fifth of `keep` after its message, and finds
 * nothing until then.  To take it out with its message would write a page for each.
 *
 * Pages become free and are used again: the file does not shrink.
 */
#ifndef POLICYD_BOOKS_BOOKS_RETIRE_H
#define POLICYD_BOOKS_BOOKS_RETIRE_H

#include "policyd/books/books.h"

/* Of a step: a large one would keep intake waiting. */
enum { BOOKS_RETIRE_ROWS_MIN = 250, BOOKS_RETIRE_ROWS_MAX = 5000 };

struct books_keeping {
    int64_t keep_ms;
    uint64_t octets_max;
};

/* One step of at most so many rows, in a transaction of its own.  *left: the next one has
 * something to do. */
bool books_retire(struct books *books, const struct books_keeping *keeping,
    int64_t now_ms, unsigned rows, bool *left, struct error *error);

/* They go before their time, too. */
bool books_is_too_large(struct books *books, const struct books_keeping *keeping,
    bool *is_too_large, struct error *error);

#endif
