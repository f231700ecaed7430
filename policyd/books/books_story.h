/*
 * books_story - messages that are one mail.
 *
 * Inside policyd/books alone.
 */
#ifndef POLICYD_BOOKS_BOOKS_STORY_H
#define POLICYD_BOOKS_BOOKS_STORY_H

#include "policyd/books/books_memory.h"

/* Makes the message of the link, in memory or in the file, a part of the first one's
 * story, with all that follows it.  *found: there is one. */
bool books_story_join(struct books_memory *memory, struct books_message *first,
    const struct books_link *link, bool *found, struct error *error);

#endif
