/*
 * copies_mail - the names by which a message is found again, read from the first octets
 * of it: Postfix's queue id, and the Message-ID.  Pure.
 *
 * The queue id is the one behind " id " of the first Received field that says "(Postfix":
 * cleanup(8) writes its own above all that came with the mail, and what a milter puts
 * above that is no Received field.
 */
#ifndef POLICYD_COPIES_COPIES_MAIL_H
#define POLICYD_COPIES_COPIES_MAIL_H

#include "shared/base/span.h"

enum { COPIES_QUEUE_ID_MAX = 64, COPIES_MESSAGE_ID_MAX = 1000 };

struct copies_mail {
    char queue_id[COPIES_QUEUE_ID_MAX + 1];     /* "": not told */
    char message_id[COPIES_MESSAGE_ID_MAX + 1]; /* as it stands, without blanks around */
};

void copies_mail_read(struct span head, struct copies_mail *mail);

#endif
