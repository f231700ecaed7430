/*
 * deliveries - first attempts by domain, backend and outcome since the start, for the
 * page.  Plain memory.
 */
#ifndef POLICYD_CUTOVER_DELIVERIES_H
#define POLICYD_CUTOVER_DELIVERIES_H

#include "policyd/books/books_enter.h"

struct deliveries_row {
    char domain[256];
    uint64_t outcomes[BACKEND_COUNT][OUTCOME_COUNT];
};

/* A value of zeroes is an empty one. */
struct deliveries {
    struct deliveries_row *rows;
    size_t count;
    size_t room;
};

void deliveries_clear(struct deliveries *deliveries);
void deliveries_add(struct deliveries *deliveries, const char *domain,
    enum books_backend backend, enum outcome outcome);

/* NULL: none. */
const struct deliveries_row *deliveries_find(
    const struct deliveries *deliveries, struct span domain);

#endif
