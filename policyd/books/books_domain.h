/*
 * books_domain - of one domain: who had mail, and what still waits.
 */
#ifndef POLICYD_BOOKS_BOOKS_DOMAIN_H
#define POLICYD_BOOKS_BOOKS_DOMAIN_H

#include "policyd/books/books_enter.h"

/* Recipients of the domain that wait, of messages accepted before that time. */
bool books_domain_waiting(struct books *books, struct span domain, int64_t before_ms,
    uint64_t *count, struct error *error);

/* Those that wait now, by the backend that was tried last, and when the oldest was
 * accepted; by enum books_backend. */
struct books_domain_sides {
    uint64_t waiting[BACKEND_COUNT];
    int64_t oldest_ms[BACKEND_COUNT]; /* 0: none */
};

bool books_domain_sides(struct books *books, struct span domain,
    struct books_domain_sides *sides, struct error *error);

/* Of those, at most so many whom no backend was asked for yet (held, throttled, no
 * route), oldest first, and when their message was accepted. */
bool books_domain_untried(struct books *books, struct span domain, size_t most,
    void (*take)(void *argument, struct span recipient, int64_t begun_ms), void *argument,
    struct error *error);

/*
 * Recipients of the domain, `take` for each, some of them again and again: of messages
 * behind *last (0: the newest), newest first, `messages` of them at most, none from
 * before `since_ms`.  *last is 0 when all were taken.
 */
bool books_domain_recipients(struct books *books, struct span domain, int64_t since_ms,
    int64_t *last, size_t messages, void (*take)(void *argument, struct span recipient),
    void *argument, struct error *error);

#endif
