/*
 * refusals - who was refused by new at RCPT, gathered between two commits of the books:
 * handed over once they are committed, forgotten where they are undone.
 *
 * At most REFUSALS_MAX; what is more, and what is older than an hour by the log's time
 * (a log that is caught up with), comes again with the next attempt.
 */
#ifndef POLICYD_CUTOVER_REFUSALS_H
#define POLICYD_CUTOVER_REFUSALS_H

#include "policyd/books/books_enter.h"

enum { REFUSALS_MAX = 10000, REFUSALS_OLD_MS = 3600 * 1000 };

struct refusal {
    int64_t time_ms; /* by the log */
    char *domain;
    char *recipient;
    char *unit;
    char *reply;
    char *queue_id;
};

/* Zeroed: none. */
struct refusals {
    struct refusal *rows;
    size_t count;
    size_t room;
};

/* Notes the attempt where it is such a refusal (books_attempt_is_refusal). */
void refusals_note(
    struct refusals *refusals, const struct books_attempt *attempt, struct span unit);

/* Each in its order; then there are none. */
void refusals_hand_over(struct refusals *refusals, int64_t now_ms,
    void (*take)(void *argument, const struct refusal *refusal), void *argument);

void refusals_forget(struct refusals *refusals);
void refusals_clear(struct refusals *refusals); /* and the memory */

#endif
