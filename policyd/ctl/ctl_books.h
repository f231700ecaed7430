/*
 * ctl_books - what the verbs that read the books have in common: opening them, times and
 * ends in words.
 */
#ifndef POLICYD_CTL_CTL_BOOKS_H
#define POLICYD_CTL_CTL_BOOKS_H

#include "policyd/books/books_enter.h"
#include "policyd/ctl/ctl.h"

/* NULL: said so. */
struct books *ctl_books_open(struct ctl *ctl);

/* --since and --until of the command line, 0 and 0 where they are not given; false: said
 * so, also where there is nothing between them. */
bool ctl_books_window(struct ctl *ctl, int64_t *since_ms, int64_t *until_ms);

/* In the reader's zone, in the arena: "2026-11-29 08:12:43 +0100", and "08:12:43" where
 * the day is that of `day_of`. */
const char *ctl_books_stamp(struct arena *arena, int64_t milliseconds);
const char *ctl_books_clock(struct arena *arena, int64_t milliseconds, int64_t day_of);

/* "2 h", "37 s", "3 d" */
const char *ctl_books_age(struct arena *arena, int64_t milliseconds);

const char *ctl_books_end(enum books_end end);             /* "delivered" ... */
const char *ctl_books_backend(enum books_backend backend); /* "old new standby other" */

#endif
