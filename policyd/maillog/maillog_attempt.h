/*
 * maillog_attempt - the line of one recipient's delivery attempt.  Pure; a part of
 * maillog_event.
 *
 *     to=<a@b>, orig_to=<c@d>, relay=host[address]:port, conn_use=2, delay=0.28,
 *     delays=0.03/0.18/0.06/0.01, tls=may, dsn=2.0.0, status=sent (250 2.0.0 Ok)
 */
#ifndef POLICYD_MAILLOG_MAILLOG_ATTEMPT_H
#define POLICYD_MAILLOG_MAILLOG_ATTEMPT_H

#include "policyd/maillog/maillog_event.h"

/* Sets the kind to MAILLOG_ATTEMPT where the text is one, and leaves it else. */
void maillog_attempt_read(struct span text, struct maillog_event *event);

#endif
