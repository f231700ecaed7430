/*
 * books_action - what smtpd, cleanup or a milter does with a message (hold, discard,
 * reject) into its account.
 *
 * Inside policyd/books alone.
 */
#ifndef POLICYD_BOOKS_BOOKS_ACTION_H
#define POLICYD_BOOKS_BOOKS_ACTION_H

#include "policyd/books/books_law.h"

bool books_action_enter(struct entry *entry);

/* What smtpd decided holds for the content that comes.  A discarded message has no
 * further line before Postfix 3.10. */
void books_action_decided(struct entry *entry, bool content_comes);

#endif
