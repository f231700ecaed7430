/*
 * books_audit - do the accounts balance?  Double entry, in recipients: accepted =
 * delivered + bounced + expired + discarded + deleted + replaced + waiting, per gateway
 * and window of acceptance.
 */
#ifndef POLICYD_BOOKS_BOOKS_AUDIT_H
#define POLICYD_BOOKS_BOOKS_AUDIT_H

#include "policyd/books/books_enter.h"
#include "policyd/routing/route_decide.h"

enum { AUDIT_NAMED_MAX = 10000 };

/* Queue ids with when they began, oldest first; more than AUDIT_NAMED_MAX are counted. */
struct audit_names {
    const char **ids;
    size_t count; /* of ids */
    uint64_t total;
};

struct audit_gap {
    int64_t from_ms;
    int64_t to_ms;
    const char *why;
};

struct audit {
    int64_t since_ms;
    int64_t until_ms;
    bool balanced; /* no difference, nothing lost, no gap, nothing misrouted */
    uint64_t accepted;
    uint64_t ends[END_COUNT];         /* recipients */
    uint64_t backends[BACKEND_COUNT]; /* of those delivered */
    uint64_t messages;
    uint64_t stories;
    uint64_t probes;           /* messages */
    uint64_t notices;          /* messages */
    uint64_t begun;            /* messages that only began */
    int64_t oldest_waiting_ms; /* 0: none */
    struct audit_names lost;
    struct audit_names twice; /* may be sent more than once */
    struct audit_names misrouted;
    struct audit_gap *gaps;
    size_t gap_count;
    uint64_t unknown_forms;
};

/* All is in the arena.  `rules` are the file's, by which routes are decided anew; NULL:
 * routes are not looked at. */
bool books_audit(struct books *books, struct arena *arena, int64_t since_ms,
    int64_t until_ms, const struct route_rules *rules,
    const struct domain_state_rules *state_rules, struct audit *audit,
    struct error *error);

/* Examples of lines in no form that is known, in the arena. */
bool books_unknown_forms(struct books *books, struct arena *arena, const char ***lines,
    size_t *count, struct error *error);

#endif
