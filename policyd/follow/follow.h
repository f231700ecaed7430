/*
 * follow - the log into the books, on the event loop: reads what there is in slices of at
 * most 20 ms, commits about once a second, with the position.
 *
 * Trouble with the books (locked, full disk) or with the log is told once and tried again
 * each second: the log is the buffer, and of standard input we are.  That no line of
 * Postfix came for ten minutes is told once.
 */
#ifndef POLICYD_FOLLOW_FOLLOW_H
#define POLICYD_FOLLOW_FOLLOW_H

#include "policyd/books/books_enter.h"
#include "policyd/books/books_retire.h"

struct event_base;
struct follow;

struct follow_options {
    const char *log;       /* [cutover] log */
    const char *books;     /* its file */
    const char *instances; /* by blanks */
    const struct books_rules *rules;
    struct books_keeping keeping;
    bool (*may_read)(void *argument); /* false: not yet */
    /* Within the transaction, before it is committed; false undoes it. */
    bool (*save)(void *argument, struct books *books, struct error *error);
    void (*saved)(void *argument, struct books *books);
    void (*undone)(void *argument);
    void (*ended)(void *argument); /* again and again: standard input is over, and all
                                      is committed */
    void *argument;
};

struct follow_status {
    uint64_t lines[3];      /* that are committed: of Postfix or ours, of others, in no
                               form that is known */
    int64_t last_line_ms;   /* by its stamp; 0: none yet */
    int64_t last_line_seen; /* unix time at which it was read */
    int64_t committed;      /* unix time; 0: not yet */
    const char *trouble;    /* "" for none */
    bool is_up_to_date;     /* all that is in the log has been read */
    uint64_t caught_up_ms;  /* by clock_now_ms: all that was in the log then is committed;
                               0: not yet */
    bool is_silent;         /* no line of Postfix for ten minutes */
};

struct follow *follow_new(struct event_base *base, const struct follow_options *options);
void follow_free(struct follow *follow); /* what is entered is committed */

/* A change beside the log is to be saved with the next commit. */
void follow_touch(struct follow *follow);

void follow_status(const struct follow *follow, struct follow_status *status);

/* NULL while they can't be opened. */
struct books *follow_books(struct follow *follow);

#endif
