/*
 * books_traffic - how much mail there is, and from which hosts it comes: by the newest
 * TRAFFIC_LOOKED messages.
 */
#ifndef POLICYD_BOOKS_BOOKS_TRAFFIC_H
#define POLICYD_BOOKS_BOOKS_TRAFFIC_H

#include "policyd/books/books.h"

enum { TRAFFIC_LOOKED = 100000 };

/* Octets a day, as it came in since the oldest of them; 0: none did. */
bool books_traffic_daily(
    struct books *books, int64_t now_ms, uint64_t *octets, struct error *error);

/* How many messages to a domain came since then from clients that `is_its` names (their
 * addresses alone). */
bool books_traffic_from(struct books *books, struct arena *arena, struct span domain,
    int64_t since_ms, bool (*is_its)(void *argument, struct span address), void *argument,
    uint64_t *count, struct error *error);

#endif
