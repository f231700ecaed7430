/*
 * milter_handling - what a handler has been told on one connection, whichever engine
 * reads it: it keeps the handler's contract (milter_session.h), whatever comes in what
 * order, and counts the messages in hand.
 */
#ifndef MILTERS_COMMON_MILTER_HANDLING_H
#define MILTERS_COMMON_MILTER_HANDLING_H

#include "milters/common/milter_session.h"

enum milter_phase {
    MILTER_PHASE_NONE, /* no message */
    MILTER_PHASE_FIELDS,
    MILTER_PHASE_BODY,
    MILTER_PHASE_SKIPPED, /* the rest of the body is of no use */
};

struct milter_handling {
    const struct milter_handler *handler;
    struct milter_counts *counts;
    void *data;     /* the handler's; NULL: not open */
    uint32_t steps; /* granted */
    enum milter_phase phase;
    struct milter_client client;
};

/* Whether that step was granted. */
bool milter_handling_is(const struct milter_handling *handling, uint32_t step);

/* A message begins; one before it must have been reset. */
void milter_handling_mail(struct milter_handling *handling, struct span sender);
void milter_handling_recipient(struct milter_handling *handling);

/* False: out of turn, and nothing was done. */
bool milter_handling_field(
    struct milter_handling *handling, struct span name, struct span value);
bool milter_handling_end_of_fields(struct milter_handling *handling);

/* Whether the MTA can be told to skip the rest, of which nothing is of use. */
bool milter_handling_body(struct milter_handling *handling, struct span chunk);

/* The handler replies. */
void milter_handling_end_of_message(struct milter_handling *handling);

/* Its message is over; false: there was none. */
bool milter_handling_reset(struct milter_handling *handling);

/* So is the connection. */
void milter_handling_close(struct milter_handling *handling);

#endif
