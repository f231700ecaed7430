/*
 * books_trace - what one mail went through: a story is messages joined by `queued as`,
 * `forwarded as` and `orig_id=`; notices about it are told below it.
 */
#ifndef POLICYD_BOOKS_BOOKS_TRACE_H
#define POLICYD_BOOKS_BOOKS_TRACE_H

#include "policyd/books/books_enter.h"

enum { TRACE_STORIES_MAX = 1000, TRACE_LEGS_MAX = 100 };

/* By what a story is looked for; "" and 0 count for nothing, all that is given holds. */
struct trace_query {
    struct span to; /* also what it was written to (orig_to) */
    struct span from;
    struct span ip;
    struct span queue_id;
    struct span message_id;
    struct span domain; /* of a recipient */
    int64_t since_ms;
    int64_t until_ms;
};

struct trace_recipient {
    struct span to;
    struct span orig_to;
    enum books_end end;
    enum books_backend backend;
    int64_t time_ms; /* of the end, or of the last attempt */
    struct span service;
    struct span relay;
    struct span reply;
    struct span tls; /* "TLSv1.3", "" unknown */
    enum reply_class class;
    uint64_t attempts;
    uint64_t delay_ms;
    bool is_maybe;
};

struct trace_leg {
    struct span queue_id;
    struct span host;
    int64_t begun_ms;
    int64_t accepted_ms; /* 0: only begun */
    int64_t removed_ms;
    struct span client;
    struct span login;
    struct span from;
    uint64_t size;
    bool is_notice;
    bool is_probe; /* sendmail -bv, address verification: nothing was to be delivered */
    bool is_held;
    struct trace_recipient *recipients;
    size_t recipient_count;
    size_t
        left_out; /* recipients; where there are so many, those asked for stand first */
    struct span *verdicts; /* lines of our milters, as they wrote them */
    size_t verdict_count;
    struct span refused; /* the action that refused or discarded it, or "" */
};

struct trace_story {
    struct span message_id;
    struct span from;
    struct trace_leg *legs; /* in their order, notices last */
    size_t leg_count;
};

/* Newest last; *more where there were more than TRACE_STORIES_MAX. */
bool books_trace(struct books *books, struct arena *arena,
    const struct trace_query *query, struct trace_story **stories, size_t *count,
    bool *more, struct error *error);

#endif
