/*
 * rehearse_books - mail from the controller's books, read only: all of seven days when it
 * is asked for, newest first, and from then on what comes, every two seconds.
 *
 * Reads in slices of at most 20 ms with four times as long between them, each a short
 * transaction, so that neither the controller's writing nor the machine notices.  A
 * message's recipients are in the books with their first attempt, so the last half minute
 * is read again: the same message may be given twice.
 *
 * Books that can't be read are one line, and tried again.
 */
#ifndef POLICYD_REHEARSE_REHEARSE_BOOKS_H
#define POLICYD_REHEARSE_REHEARSE_BOOKS_H

#include "policyd/books/books_domain.h"

struct event_base;
struct rehearse_books;

struct rehearse_books_options {
    const char *path; /* copied */
    books_mail_take *mail;
    /* Seven days of mail begin, up to that message; they are over. */
    void (*begins)(void *argument, int64_t number);
    void (*ends)(void *argument);
    void *argument;
};

struct rehearse_books *rehearse_books_new(
    struct event_base *base, const struct rehearse_books_options *options);
void rehearse_books_free(struct rehearse_books *books);

/* Seven days; where that is under way, once more after it. */
void rehearse_books_again(struct rehearse_books *books);

/* Why nothing is known yet; "": all of seven days was read once. */
const char *rehearse_books_trouble(const struct rehearse_books *books);

/* When they could last be read, in unix time; 0: never. */
int64_t rehearse_books_looked(const struct rehearse_books *books);

#endif
