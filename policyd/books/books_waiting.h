/*
 * books_waiting - what waits, by domain and reason, and what the accounts lack: gathered
 * a step at a time, for those who show figures again and again.
 *
 * Limits: the recipients of one message are read in one step.
 */
#ifndef POLICYD_BOOKS_BOOKS_WAITING_H
#define POLICYD_BOOKS_BOOKS_WAITING_H

#include "policyd/books/books_enter.h"

/* Why a recipient's mail waits.  REPLY_... of the last reply, and what no reply says. */
enum waiting_reason {
    WAITING_HOLD = REPLY_CLASS_COUNT, /* put on hold, or its route is hold */
    WAITING_UNTRIED,                  /* no attempt yet */
    WAITING_REASON_COUNT
};

/* "unknown" ... "other" of reply_class, "hold", "untried" */
const char *waiting_reason_name(enum waiting_reason reason);

enum { WAITING_DOMAIN_SIZE = 256, WAITING_ROWS_MAX = 900 };

struct waiting_row {
    char domain[WAITING_DOMAIN_SIZE]; /* of ours, canonical; else "other" */
    enum waiting_reason reason;
    uint64_t recipients;
    int64_t oldest_ms; /* when its message was accepted */
};

/* A value of zeroes is an empty one. */
struct books_waiting {
    struct waiting_row *rows; /* what is too many is counted as "other" */
    size_t count;
    size_t room;
    uint64_t recipients;
    int64_t oldest_ms; /* 0: nothing waits */
    int64_t last_id;   /* the message that it has come to */
};

void books_waiting_begin(struct books_waiting *waiting); /* from the start again */
void books_waiting_clear(struct books_waiting *waiting);

/* So many messages at most; *done once it is through.  Nothing of the books is held from
 * one step to the next.  `rules` say which domain an address is of. */
bool books_waiting_step(struct books_waiting *waiting, struct books *books,
    const struct books_rules *rules, size_t messages, bool *done, struct error *error);

/* By how many recipients the accounts fail to balance (accepted, and neither ended nor
 * waiting), and how many gaps of the log are noted. */
bool books_difference(
    struct books *books, uint64_t *difference, uint64_t *gaps, struct error *error);

#endif
