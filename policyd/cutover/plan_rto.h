/*
 * plan_rto - after a rollback, until nothing of the domain waits any more here: how long
 * it took, how much that was.  On each gateway, from its own books.
 *
 * Told as an event `drain` whose `why` is `rto_s=372 drained=1000 left=0`: seconds from
 * the end of the first bad slot (after an operator's rollback: from that) to the last
 * message that waited at the rollback.  After 15 minutes it is told with what is left.
 */
#ifndef POLICYD_CUTOVER_PLAN_RTO_H
#define POLICYD_CUTOVER_PLAN_RTO_H

#include "policyd/books/books.h"
#include "policyd/cutover/plan_context.h"

enum { PLAN_RTO_MAX = 64, PLAN_RTO_SECONDS = 15 * 60 };

struct plan_rto;

struct plan_rto *plan_rto_new(const struct plan_context *context);
void plan_rto_free(struct plan_rto *rto);

/* A rollback of the domain at `rolled_back` (unix time); `bad_since_ms` 0: not known.
 * One of it that is measured already ends. */
void plan_rto_begin(
    struct plan_rto *rto, const char *domain, int64_t rolled_back, int64_t bad_since_ms);

/* Once a second; `books` NULL: later. */
void plan_rto_tick(struct plan_rto *rto, struct books *books);

#endif
