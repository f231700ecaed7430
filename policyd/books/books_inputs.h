/*
 * books_inputs - what decides routes, with the times at which it changed.
 *
 * A key is a Redis key without prefix: `domain:example.com` (a line `field=value` each),
 * `pin:alice@example.com`, `unit:alice@example.com`, and for each member of a list
 * `list:example.com:canary:alice@example.com` ("1").  "" is gone.
 */
#ifndef POLICYD_BOOKS_BOOKS_INPUTS_H
#define POLICYD_BOOKS_BOOKS_INPUTS_H

#include "policyd/books/books.h"

/* Enters the value from this time on, where it isn't what is known already. */
bool books_enter_input(struct books *books, int64_t time_ms, struct span key,
    struct span value, int64_t generation, struct error *error);

/* What was not entered in this generation is gone from this time on. */
bool books_end_inputs(
    struct books *books, int64_t time_ms, int64_t generation, struct error *error);

#endif
