/*
 * books_attempt - the line of a recipient's delivery attempt into its account: its end,
 * its outcome, which backend, and who follows under another id.
 *
 * Inside policyd/books alone.
 */
#ifndef POLICYD_BOOKS_BOOKS_ATTEMPT_H
#define POLICYD_BOOKS_BOOKS_ATTEMPT_H

#include "policyd/books/books_law.h"

bool books_attempt_enter(struct entry *entry);

#endif
