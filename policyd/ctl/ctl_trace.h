/*
 * ctl_trace - what traces found, told.
 */
#ifndef POLICYD_CTL_CTL_TRACE_H
#define POLICYD_CTL_CTL_TRACE_H

#include "policyd/books/books_trace.h"
#include "policyd/ctl/ctl_fleet.h"

/* `fleet` NULL: of this gateway.  Gives the exit code. */
int ctl_trace_tell(struct ctl *ctl, const struct trace_story *stories, size_t count,
    bool more, const struct fleet *fleet);

#endif
