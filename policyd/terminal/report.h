/*
 * report - what a period of a move was like, in plain values: made from the books
 * (books_report), told as text, HTML or JSON.  Pure.
 *
 * Mails are stories, not queue ids, and a recipient of a story is one however often it
 * was handed on.  Sides are judged by first attempts alone.  Times are unix milliseconds.
 */
#ifndef POLICYD_TERMINAL_REPORT_H
#define POLICYD_TERMINAL_REPORT_H

#include "shared/base/arena.h"
#include "shared/base/buffer.h"

enum {
    REPORT_SLICES = 30,      /* parts of the period, for the curves */
    REPORT_CHANGES_MAX = 50, /* the newest are told */
    REPORT_CAUSES_MAX = 10,
    REPORT_TLS_MAX = 8,
};

enum report_side { REPORT_OLD, REPORT_NEW, REPORT_STANDBY, REPORT_SIDES };

/* First attempts; a delay of -1: there was none. */
struct report_attempts {
    uint64_t ok;
    uint64_t fail;
    uint64_t other; /* refused, full, later: says nothing about availability */
    int64_t p50_ms;
    int64_t p95_ms;
};

struct report_tls {
    const char *version; /* "" : not known, which is not the same as none */
    uint64_t count;
};

struct report_change {
    int64_t at_ms;
    const char *domain;
    const char *what; /* "weight", "mode" */
    const char *from; /* "" : none before */
    const char *to;
    /* Of the same domain, from the change before to this one, and from it to the next. */
    struct report_attempts before[REPORT_SIDES];
    struct report_attempts after[REPORT_SIDES];
};

struct report_cause {
    const char *class;
    const char *side; /* "old", "new", "standby", "other" */
    uint64_t recipients;
    const char *reply; /* one of them */
};

/* Of a slice of the period. */
struct report_slice {
    int64_t at_ms; /* its start */
    struct report_attempts sides[REPORT_SIDES];
    uint64_t seen; /* mails with a line of the milters */
    uint64_t dmarc_fail;
    uint64_t infected;
    uint64_t spam;
    uint64_t refused; /* by a verdict */
};

/* Mails that our milters put on hold. */
struct report_held {
    uint64_t held;
    uint64_t waiting; /* still there */
    uint64_t released;
    uint64_t deleted;
};

struct report {
    int64_t since_ms;
    int64_t until_ms;
    int64_t start_ms; /* the first weight above 0; 0: none is known */
    uint64_t mails;
    uint64_t recipients;
    uint64_t delivered;
    uint64_t bounced;
    uint64_t expired;
    uint64_t removed; /* discarded or deleted */
    uint64_t waiting;
    uint64_t lost;
    uint64_t maybe; /* may be there more than once */
    struct report_attempts sides[REPORT_SIDES];
    struct report_tls tls[REPORT_SIDES][REPORT_TLS_MAX];
    size_t tls_count[REPORT_SIDES];
    struct report_change changes[REPORT_CHANGES_MAX];
    size_t change_count;
    struct report_cause causes[REPORT_CAUSES_MAX];
    size_t cause_count;
    int64_t oldest_ms;  /* of what waits now; 0: nothing does */
    int64_t expires_ms; /* 0: not known */
    const char *oldest_id;
    const char *oldest_to;
    const char *oldest_reply;
    uint64_t units_moved; /* have mail on new since then */
    uint64_t units_pinned_back;
    uint64_t rollbacks; /* weight lowered, or mode away from new and split */
    struct report_slice slices[REPORT_SLICES];
    struct report_held held;
    /* Of several gateways: those that did not answer. */
    const char *const *silent;
    size_t silent_count;
    /* A time in the reader's zone, in the arena: this floor has no clock of its own. */
    const char *(*stamp)(struct arena *arena, int64_t milliseconds);
};

const char *report_side_name(enum report_side side);

/* ok/(ok+fail) in hundredths of a percent; -1: no attempt that says so. */
int64_t report_availability(const struct report_attempts *attempts);

/* All that was seen by the milters, over the slices. */
struct report_slice report_verdicts(const struct report *report);

/* Whole days since the start; -1: not known. */
int64_t report_days(const struct report *report);

#endif
