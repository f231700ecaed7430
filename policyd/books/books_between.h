/*
 * books_between - mail within a domain: who wrote to whom, and how much each gets.
 *
 * Addresses are as the log has them: names of one person are for the caller to bring
 * together.  Texts are gone after the call.
 */
#ifndef POLICYD_BOOKS_BOOKS_BETWEEN_H
#define POLICYD_BOOKS_BOOKS_BETWEEN_H

#include "policyd/books/books.h"

struct books_between {
    struct span from; /* empty in books_volume */
    struct span to;
    uint64_t mails;
    uint64_t octets; /* of all of them */
};

typedef void books_between_callback(void *argument, const struct books_between *row);

/* Mail accepted since then whose sender and recipient are of the domain. */
bool books_between(struct books *books, struct span domain, int64_t since_ms,
    books_between_callback *callback, void *argument, struct error *error);

/* Mail accepted since then, by recipient of the domain. */
bool books_volume(struct books *books, struct span domain, int64_t since_ms,
    books_between_callback *callback, void *argument, struct error *error);

#endif
