/*
 * books_routes - did each delivery go where a route of its time named?
 *
 * The books keep every change of a route's inputs with its time.  A delivery is right
 * when the decision, at any moment between its queueing (and the 30 s for which the queue
 * manager remembers an answer) and its end, named its backend.  Inside policyd/books
 * alone.
 */
#ifndef POLICYD_BOOKS_BOOKS_ROUTES_H
#define POLICYD_BOOKS_BOOKS_ROUTES_H

#include "policyd/books/books_base.h"
#include "policyd/books/books_enter.h"
#include "policyd/routing/route_decide.h"

struct books_routes;

/* Reads all inputs there are.  `rules` and `state_rules` are borrowed. */
struct books_routes *books_routes_new(struct books *books,
    const struct route_rules *rules, const struct domain_state_rules *state_rules,
    struct error *error);
void books_routes_free(struct books_routes *routes);

/* One delivery, about in the order of their ends; texts are copied where they are kept.
 */
void books_routes_add(struct books_routes *routes, const char *queue_id,
    struct span recipient, enum books_backend backend, int64_t begun_ms, int64_t end_ms);

/* Then the wrong ones, one after another; NULL: no more. */
const char *books_routes_next_wrong(struct books_routes *routes);

#endif
