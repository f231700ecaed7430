/*
 * mailbox - local part and domain of an address (RFC 5321 section 4.1.2, and what Postfix
 * hands over).
 *
 * The split is at the last '@'.  Nothing is copied: the spans point into the address.
 */
#ifndef SHARED_BASE_MAILBOX_H
#define SHARED_BASE_MAILBOX_H

#include "shared/base/buffer.h"

struct mailbox {
    struct span local;
    struct span domain;
};

/* False when there is no '@', or nothing on one of its sides. */
bool mailbox_split(struct span address, struct mailbox *mailbox);

/*
 * Appends the local part without its quotes and quoted pairs; one that isn't a whole
 * quoted string is appended as it is.
 */
bool mailbox_unquote(struct span local, struct buffer *out);

#endif
