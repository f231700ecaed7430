/*
 * books_place - how far a log was read, and where there are gaps.
 */
#ifndef POLICYD_BOOKS_BOOKS_PLACE_H
#define POLICYD_BOOKS_BOOKS_PLACE_H

#include "policyd/books/books.h"

/* The place in the log: an opaque text a log source, saved with the data. */
bool books_set_position(
    struct books *books, const char *source, struct span position, struct error *error);
bool books_position(struct books *books, const char *source, struct arena *arena,
    struct span *position, struct error *error);

/* A gap: from when to when nothing is known, and why. */
bool books_enter_gap(struct books *books, int64_t from_ms, int64_t to_ms, const char *why,
    struct error *error);

#endif
