/*
 * ctl_fleet_trace - the traces of several gateways as one, in the order of time.
 *
 * A mail that went through two of them is one story: a leg of the one was `queued as` the
 * id of a leg of the other, of the same Message-ID.  An answer that is no trace is
 * refused.
 */
#ifndef POLICYD_CTL_CTL_FLEET_TRACE_H
#define POLICYD_CTL_CTL_FLEET_TRACE_H

#include "policyd/books/books_trace.h"
#include "policyd/ctl/ctl_fleet.h"

/* In the arena, texts borrowed from the answers; *more where one of them had more. */
void ctl_fleet_trace(struct arena *arena, struct fleet *fleet,
    struct trace_story **stories, size_t *count, bool *more);

#endif
