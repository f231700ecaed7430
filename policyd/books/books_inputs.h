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
#include "shared/base/arena.h"

/* Enters the value from this time on, where it isn't what is known already. */
bool books_enter_input(struct books *books, int64_t time_ms, struct span key,
    struct span value, struct error *error);

/* What is known of it, in the arena; "": nothing is there. */
bool books_find_input(struct books *books, struct span key, struct arena *arena,
    struct span *value, struct error *error);

/* When the last one was entered; 0: none ever was. */
bool books_last_input(struct books *books, int64_t *time_ms, struct error *error);

/* All that is known to be there; the key is borrowed for the call, in which nothing is
 * entered. */
bool books_each_input(struct books *books, void (*each)(void *argument, struct span key),
    void *argument, struct error *error);

#endif
