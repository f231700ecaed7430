/*
 * milter_session - one connection of an MTA, from its first octet to its last, in one
 * thread.
 *
 * Negotiates, reads packets, calls the milter's handler, answers.  What breaks the
 * protocol is hung up on and logged: Postfix then does as its default action says.  An
 * MTA that is silent for two hours, or doesn't take an answer for five minutes, is gone.
 * Memory is one packet's, kept small between messages.
 */
#ifndef MILTERS_COMMON_MILTER_SESSION_H
#define MILTERS_COMMON_MILTER_SESSION_H

#include "milters/common/milter_counts.h"
#include "milters/protocol/milter_client.h"
#include "milters/protocol/milter_macros.h"
#include "milters/protocol/verdict.h"

struct milter_session;

/*
 * What a milter does.  `data` is what `open` gave.  Each mail is followed by one reset,
 * whether it came to its end or not; fields, end of fields, body and end of message come
 * in that order, the last only when the message is whole.
 */
struct milter_handler {
    uint32_t actions; /* all needed, else the MTA is refused */
    uint32_t steps;   /* those offered are taken */
    void *(*open)(void *service, struct milter_session *session);
    void (*mail)(void *data, struct span sender); /* as given, in <> */
    void (*recipient)(void *data); /* one more; NULL where steps have MILTER_NO_RCPT */
    void (*field)(void *data, struct span name, struct span value);
    void (*end_of_fields)(void *data);
    bool (*body)(void *data, struct span chunk); /* false: needs no more of it */
    void (*end_of_message)(void *data);          /* calls milter_session_reply once */
    void (*reset)(void *data);                   /* the message is over */
    void (*close)(void *data);                   /* so is the connection */
};

/* For one that judges whole messages: may edit and hold them, has no use for recipients
 * (or counts them: MILTER_COUNTS_LAST), and answers nothing before the end. */
enum {
    MILTER_EDITS = MILTER_ADD_FIELDS | MILTER_CHANGE_FIELDS | MILTER_QUARANTINES,
    MILTER_ANSWERS_LAST = MILTER_NO_RCPT | MILTER_NO_DATA | MILTER_NO_UNKNOWN |
                          MILTER_NR_CONNECT | MILTER_NR_HELO | MILTER_NR_MAIL |
                          MILTER_NR_FIELD | MILTER_NR_END_FIELDS | MILTER_NR_BODY |
                          MILTER_SKIP | MILTER_LEADING_SPACE,
    MILTER_COUNTS_LAST = (MILTER_ANSWERS_LAST & ~MILTER_NO_RCPT) | MILTER_NR_RCPT,
};

/* Serves a connection until it ends; the descriptor is the caller's.  Counts messages
 * alone. */
void milter_session_run(int fd, const struct milter_handler *handler, void *service,
    struct milter_counts *counts);

/* For handlers. */

const struct milter_client *milter_session_client(const struct milter_session *session);

/* Name without braces; NULL: the MTA does not say.  Until the handler returns. */
const char *milter_session_macro(const struct milter_session *session, const char *name);

/* Whether field values carry their own first blank. */
bool milter_session_leading_space(const struct milter_session *session);

/* What becomes of the message; gives what is really told (milter_reply.h). */
enum verdict_action milter_session_reply(
    struct milter_session *session, const struct verdict *verdict);

#endif
