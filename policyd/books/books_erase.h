/*
 * books_erase - an address goes from the books: the rows stay, and where the address
 * stood stands a name made of a keyed hash.
 *
 * Senders, logins, recipients (what they were written to, too), Message-IDs, replies,
 * verdicts, what was refused, attempts, route inputs, the ledger, examples of unknown
 * forms, what is on its way to Redis, and what is remembered between two lines; and by
 * what messages are found.  Case does not count; a subaddress goes as well, and what
 * senders make of it (SRS, VERP, BATV: see address_form.h).  A longer address that ends
 * or begins with this one is another's and stays.
 *
 * The key is drawn for each call and kept nowhere, so that nobody can try a guess; all
 * places of one call get the same name, `erased-<24 hex digits>@DOMAIN`, which the caller
 * may put into Redis as well.  Erase in Redis first: the controller enters what it sees
 * there.
 *
 * Afterwards neither the file nor its WAL has the address, also not in pages or parts of
 * pages that are free: the file is read once for that, and written anew (VACUUM) where it
 * is still found.  A controller that runs forgets what it has in memory of that time when
 * it begins its next transaction, and waits as long as this takes: the log is the buffer.
 *
 * Limits: xtext and quoted local parts are not recognised, nor the other form of an
 * international domain, which is a call of its own; the log itself is not touched,
 * and lines that come later name the address again.
 */
#ifndef POLICYD_BOOKS_BOOKS_ERASE_H
#define POLICYD_BOOKS_BOOKS_ERASE_H

#include "policyd/books/books.h"

enum { BOOKS_ERASED_NAME_MAX = 320 };

struct books_erased {
    uint64_t messages;   /* with this sender or login, or a text that names it */
    uint64_t recipients; /* rows */
    uint64_t others;     /* rows of attempts, inputs, ledger, outbox, examples, memory */
    char name[BOOKS_ERASED_NAME_MAX]; /* what stands there now */
};

/* `books` are open as BOOKS_WRITE, outside a transaction; the address has a domain.  Done
 * whole or not at all; false with all done but a copy that is still in the file's free
 * parts says so, and the same call again ends it. */
bool books_erase(struct books *books, struct span address, struct books_erased *erased,
    struct error *error);

#endif
