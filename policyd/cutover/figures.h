/*
 * figures - what the books say now: what waits by domain and reason, by how much the
 * accounts fail to balance.  Gathered anew 5 seconds after the last time, in slices of at
 * most 20 ms, from what is committed.
 */
#ifndef POLICYD_CUTOVER_FIGURES_H
#define POLICYD_CUTOVER_FIGURES_H

#include "policyd/books/books_waiting.h"

struct event_base;
struct figures;

struct figures_source {
    struct books *(*books)(void *argument); /* NULL while they can't be used */
    const struct books_rules *rules;
    void *argument;
};

struct figures_status {
    bool is_known; /* false: the books could not be read for half a minute, or yet */
    uint64_t difference; /* recipients */
    uint64_t gaps;
    const struct books_waiting *waiting; /* borrowed until the next turn of the loop */
};

struct figures *figures_new(struct event_base *base, const struct figures_source *source);
void figures_free(struct figures *figures);

void figures_status(const struct figures *figures, struct figures_status *status);

#endif
