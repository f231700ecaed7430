/*
 * books_domain - of one domain: who had mail, and what still waits; of all: who wrote to
 * whom.
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

/* A message that was accepted and one of its recipients, borrowed for the call.  Probes
 * and notices are none. */
struct books_mail {
    int64_t number; /* grows from message to message */
    int64_t begun_ms;
    uint64_t size;
    struct span sender;
    struct span recipient;
};
typedef void books_mail_take(void *argument, const struct books_mail *mail);

/* 0: there is none. */
bool books_mail_newest(struct books *books, int64_t *number, struct error *error);

/* Messages first to end - 1 by their number. */
bool books_mail_between(struct books *books, int64_t first, int64_t end,
    books_mail_take *take, void *argument, struct error *error);

/* As books_domain_recipients, of all domains; *last is one behind the newest at first. */
bool books_mail_before(struct books *books, int64_t since_ms, int64_t *last,
    size_t messages, books_mail_take *take, void *argument, struct error *error);

#endif
