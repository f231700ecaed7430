/*
 * books_held - mails that a milter of ours put on hold, as its own line in the log says.
 *
 * What an access map, a header check, another milter or a person put there has no such
 * line.  Texts are in the arena.
 *
 * Limits: one that was released and then put on hold by a person is still one of ours.
 */
#ifndef POLICYD_BOOKS_BOOKS_HELD_H
#define POLICYD_BOOKS_BOOKS_HELD_H

#include "policyd/books/books.h"
#include "policyd/terminal/report.h"

enum { BOOKS_HELD_MAX = 100000 };

struct held_mail {
    struct span queue_id;
    int64_t begun_ms;
    struct span from;
    struct span message_id; /* "" where no line said it */
    struct span client;
    struct span by;      /* "auth", "scan" */
    struct span verdict; /* "virus Eicar-Test-Signature" */
    struct span lines;   /* of all our milters, as they wrote them */
};

/* Those that are on hold now, by their ids, the newest of the same id last; the newest
 * BOOKS_HELD_MAX. */
bool books_held(struct books *books, struct arena *arena, struct held_mail **mails,
    size_t *count, struct error *error);

/* How many, and when the oldest came (0: there is none). */
bool books_held_count(
    struct books *books, uint64_t *count, int64_t *oldest_ms, struct error *error);

/* Of those that came within the period: what became of them. */
bool books_held_report(struct books *books, int64_t since_ms, int64_t until_ms,
    struct report_held *held, struct error *error);

/* From the lines of our milters: who held it, and why.  False: none of them did. */
bool books_held_verdict(struct span lines, struct span *by, struct span *verdict);

#endif
