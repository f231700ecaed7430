/*
 * log_limit - a kind of log line at most so often a minute, so that a client can't fill
 * the log.
 *
 * The next line that may be logged says how many were left out.  Zeroes are a fresh one.
 */
#ifndef SHARED_SERVICE_LOG_LIMIT_H
#define SHARED_SERVICE_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/service/log.h"

enum { LOG_LIMIT_A_MINUTE = 10 };

struct log_limit {
    uint64_t minute_ms; /* when the one at hand began, by clock_now_ms */
    unsigned logged;
    unsigned left_out;
    unsigned to_tell;
};

bool log_limit_may(struct log_limit *limit);

/* `unlogged=N` for the line that log_limit_may has just allowed, or nothing. */
struct log_field log_limit_field(const struct log_limit *limit);

#endif
