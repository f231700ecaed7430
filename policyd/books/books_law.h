/*
 * books_law - what a line does to the account of its message (facts of the log: a message
 * is accepted by qmgr's first `queue active`, by a hold, by a DISCARD; `removed` by qmgr
 * means that all its recipients have their end).
 *
 * Inside policyd/books alone.
 */
#ifndef POLICYD_BOOKS_BOOKS_LAW_H
#define POLICYD_BOOKS_BOOKS_LAW_H

#include "policyd/books/books_memory.h"
#include "policyd/books/books_session.h"

struct books_writer {
    struct books *books;
    struct books_memory *memory;
    struct books_session *session;
    const struct books_rules *rules;
    uint64_t unknown_forms; /* since the last flush */
    uint64_t generation;    /* of the books, as of what is in memory */
    int64_t last_ms;        /* the time of the last line */
};

/* One line being entered. */
struct entry {
    struct books_writer *writer;
    const struct maillog_line *line;
    const struct maillog_event *event;
    int64_t time_ms;
    struct books_message *message;
    struct error *error;
};

const char *books_text(const char *text); /* "" for NULL */

/* The message was named by this line. */
void books_touch(struct entry *entry);

/* The message of the line, NULL for none; made where the line may be its first. */
bool books_find(struct entry *entry, bool may_begin);

/* A new one, whatever there is of this id. */
void books_begin_message(struct entry *entry);

/* As books_find(); but a message that smtpd discarded at its recipients goes before a new
 * one: what else is said of it may come until its content has. */
bool books_find_or_discarded(struct entry *entry, bool may_begin);
bool books_is_discarded(const struct entry *entry);

void books_accept(struct entry *entry);

/* Accepted by a word of Postfix's own, before the queue manager has counted. */
void books_hold(struct entry *entry, struct span recipient);
void books_discard(struct entry *entry, struct span recipient);

/* All that still waits has this end; recipients of whom nothing was heard stand there
 * without a name. */
void books_end_rest(struct entry *entry, enum books_end end);
void books_end(struct entry *entry, enum maillog_removal removal);

/* The id is given anew, so its message is no more: what still waits lost its end. */
void books_lose(struct entry *entry);

#endif
