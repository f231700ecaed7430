/*
 * books_landed - whose mail landed on new: for undo.
 *
 * Sure is one whose end is a delivery by new.  Maybe is one that new may have taken
 * without saying so, and that has come to no other end but a loss: who was delivered to
 * elsewhere afterwards has his mail, and who waits gets it by the queue.
 */
#ifndef POLICYD_BOOKS_BOOKS_LANDED_H
#define POLICYD_BOOKS_BOOKS_LANDED_H

#include "policyd/books/books.h"
#include "shared/base/arena.h"

struct landed {
    struct span queue_id;
    struct span recipient; /* as Postfix logged it */
    int64_t at_ms;         /* when it was delivered */
    int64_t begun_ms;      /* when Postfix took the mail in */
    bool is_maybe;
};

struct landed_query {
    struct span domain;
    int64_t since_ms; /* of the delivery */
    bool with_maybe;
};

/* All of them, one by one; what is given is borrowed.  False from `take` ends it. */
bool books_landed_all(struct books *books, const struct landed_query *query,
    bool (*take)(void *argument, const struct landed *landed), void *argument,
    struct error *error);

/* A mail as its copy names it, and when that was taken. */
struct landed_mail {
    struct span queue_id;   /* "" : not known */
    struct span message_id; /* without brackets; looked for where no id is known */
    int64_t time_ms;
};

/* Those of one mail's story, in the arena; at most `most`. */
bool books_landed_of(struct books *books, const struct landed_query *query,
    const struct landed_mail *mail, struct arena *arena, struct landed *rows, size_t most,
    size_t *count, struct error *error);

#endif
