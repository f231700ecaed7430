/*
 * books_enter - events of the log into accounts.
 *
 * The law (as measured on real logs): a message is accepted by qmgr's first `queue
 * active` of its id, by a hold of it, or by a DISCARD; before that it has only begun.
 * `removed` by qmgr means that the final ends are as many as the nrcpt of the first
 * activation; fewer: the rest is lost, and named.  A message is (host, instance, id,
 * start): short ids come back.
 *
 * Messages that are not finished live in memory until the commit that finishes them, so
 * that most are written once.
 */
#ifndef POLICYD_BOOKS_BOOKS_ENTER_H
#define POLICYD_BOOKS_BOOKS_ENTER_H

#include "policyd/books/books.h"
#include "policyd/books/books_place.h"
#include "policyd/maillog/outcome.h"
#include "policyd/maillog/reply_class.h"

/* Where a recipient's copy went, by the delivery service's name. */
enum books_backend {
    BACKEND_OTHER,
    BACKEND_OLD,
    BACKEND_NEW,
    BACKEND_STANDBY,
    BACKEND_COUNT
};

/* The end of a recipient. */
enum books_end {
    END_WAITING,
    END_DELIVERED,
    END_BOUNCED,
    END_EXPIRED,
    END_DISCARDED,
    END_DELETED,  /* by a person, postsuper -d */
    END_REPLACED, /* forwarded as, or requeued under another id */
    END_LOST,     /* qmgr removed the message without an end for it */
    END_COUNT,
    END_COPY = END_COUNT /* the copy for undo: a recipient of Postfix's, in no account */
};

/* What an attempt tells those who count and those who keep the ledger; borrowed. */
struct books_attempt {
    int64_t time_ms;
    struct span recipient; /* as logged */
    struct span domain;    /* of ours, canonical; "" where it is none of ours */
    enum books_backend backend;
    enum outcome outcome;
    enum reply_class class;
    bool is_first;     /* of this recipient of this message */
    bool is_accepted;  /* delivered */
    bool is_maybe;     /* may be sent more than once */
    uint64_t delay_ms; /* c+d of delays= */
    /* What was said, and where: code 0 where no reply is told. */
    enum maillog_phase phase;
    unsigned code;
    struct span reply; /* as logged */
    struct span queue_id;
};

/* New refused this recipient for good: a 5xx said to RCPT. */
bool books_attempt_is_refusal(const struct books_attempt *attempt);

/* What the controller knows and the log does not. */
struct books_rules {
    /* The canonical domain of ours that a recipient's domain is (same_as followed), or
     * "". *old_is_site: what other services deliver counts as old. */
    struct span (*find_domain)(
        void *argument, struct span recipient, bool *old_is_site, char out[256]);
    /* Each attempt of mail (not of probes), once. */
    void (*attempted)(void *argument, const struct books_attempt *attempt);
    void *argument;
};

struct books_writer;

struct books_writer *books_writer_new(
    struct books *books, const struct books_rules *rules, struct error *error);
void books_writer_free(struct books_writer *writer);

/* One line, within a transaction. */
bool books_enter(struct books_writer *writer, const struct maillog_line *line,
    const struct maillog_event *event, int64_t time_ms, struct error *error);
/* Where there is only the count of a form that isn't known: an example is kept of the
 * first 20. */
bool books_enter_unknown(
    struct books_writer *writer, struct span line, struct error *error);

/* Writes what lives in memory; before books_commit.  After books_rollback the memory is
 * as it was at the last flush that was committed. */
bool books_flush(struct books_writer *writer, struct error *error);
bool books_forget_since_commit(struct books_writer *writer, struct error *error);

#endif
