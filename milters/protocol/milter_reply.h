/*
 * milter_reply - a verdict as the packets that end a message.
 */
#ifndef MILTERS_PROTOCOL_MILTER_REPLY_H
#define MILTERS_PROTOCOL_MILTER_REPLY_H

#include "milters/protocol/milter_wire.h"
#include "milters/protocol/verdict.h"

/*
 * `leading_space`: whether MILTER_LEADING_SPACE was granted.  Deletes from the highest
 * number down, then appends and inserts.  Edits are made for whatever is delivered (also
 * into the hold queue), not for what is refused.  Gives the action that is told: a
 * verdict that can't be written (`out` is full; a reply that is no line of text) is told
 * as a tempfail, so that a message never goes on without the fields it should have.
 */
enum verdict_action milter_reply_write(
    struct buffer *out, const struct verdict *verdict, bool leading_space);

/* For the other engine: the edits in the order in which they are told, until one that
 * can't be: then false. */
bool milter_reply_each_edit(const struct verdict *verdict,
    bool (*tell)(void *context, const struct verdict_edit *edit), void *context);

/* Whether code and text are a reply that an MTA takes. */
bool milter_reply_is_sayable(const struct verdict *verdict);

#endif
