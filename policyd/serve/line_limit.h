/*
 * line_limit - a kind of log line at most so often a minute, so that a client can't fill
 * the log.
 *
 * The next line that may be logged says how many were left out.  Zeroes are a fresh one.
 */
#ifndef POLICYD_SERVE_LINE_LIMIT_H
#define POLICYD_SERVE_LINE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/service/log.h"

enum { LINE_LIMIT_A_MINUTE = 10 };

struct line_limit {
    uint64_t minute_ms; /* when the one at hand began, by client_clock_ms */
    unsigned logged;
    unsigned left_out;
    unsigned to_tell;
};

bool line_limit_may(struct line_limit *limit);

/* `unlogged=N` for the line that line_limit_may has just allowed, or nothing. */
struct log_field line_limit_field(const struct line_limit *limit);

#endif
