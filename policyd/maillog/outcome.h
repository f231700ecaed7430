/*
 * outcome - what one attempt of a delivery says about the backend.  Pure.
 *
 * By the reply said and its phase, never by dsn=: the status filter makes 5xx into 4xx,
 * and big providers use odd codes.
 */
#ifndef POLICYD_MAILLOG_OUTCOME_H
#define POLICYD_MAILLOG_OUTCOME_H

#include "policyd/maillog/maillog_event.h"
#include "policyd/maillog/maillog_reply.h"

enum outcome {
    OUTCOME_OK,       /* accepted */
    OUTCOME_FAIL,     /* no answer, a lost one, 421, 4.3 at connect or EHLO, suspended */
    OUTCOME_NEUTRAL,  /* another 4xx, and all else */
    OUTCOME_REJECTED, /* 5xx said, and it isn't one of the next two */
    OUTCOME_UNKNOWN,  /* 5xx to RCPT: 5.1.x, no enhanced code, or words that say so */
    OUTCOME_TOO_BIG,
    OUTCOME_COUNT
};

/* `status` is that of the log line; `reply` of its text. */
enum outcome outcome_of(enum maillog_status status, const struct maillog_reply *reply);

/* "ok fail neutral rejected unknown toobig": the fields of stat: in Redis. */
const char *outcome_name(enum outcome outcome);

#endif
