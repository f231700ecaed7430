/*
 * undo_session - the clients of the listener: LMTP, each message into the journal.
 *
 * A message is answered once it is on the disk, together with all that were ended in the
 * same turn of the loop.  What can't be kept is taken to its end and then refused with
 * 452, so that Postfix is never held up; one recipient alone is known, and for others
 * there is 550.  A client holds a chunk of 64 KiB at most.
 */
#ifndef POLICYD_UNDO_UNDO_SESSION_H
#define POLICYD_UNDO_UNDO_SESSION_H

#include "policyd/undo/undo_store.h"
#include "shared/service/server.h"

struct undo_handler;

extern const struct server_protocol undo_protocol; /* its argument is a handler */

struct undo_handler *undo_handler_new(struct event_base *base, struct undo_store *store);
/* After the clients are gone. */
void undo_handler_free(struct undo_handler *handler);

#endif
