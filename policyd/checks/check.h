/*
 * check - what is looked at before a domain is moved: a table of checks, and what one of
 * them found.
 *
 * Four results.  `unknown` is neither: it couldn't be asked, and blocks where a failure
 * would; `skipped`: the site has not said what the check needs, which is a warning.  A
 * check has a line for each thing that it looked at, both address families on lines of
 * their own, and its result is the worst of theirs.  Pure.
 *
 * Names are stable: scripts choose by them.
 */
#ifndef POLICYD_CHECKS_CHECK_H
#define POLICYD_CHECKS_CHECK_H

#include "shared/base/arena.h"

enum check_result { CHECK_SKIPPED, CHECK_PASS, CHECK_UNKNOWN, CHECK_FAIL };

/* "skipped" "pass" "unknown" "fail" */
const char *check_result_name(enum check_result result);
/* False where it is none of these. */
bool check_result_read(struct span text, enum check_result *result);

enum check_group {
    CHECK_DNS,
    CHECK_POSTFIX,
    CHECK_STATE,
    CHECK_BACKENDS,
    CHECK_PEOPLE,
    CHECK_GROUPS
};

const char *check_group_name(enum check_group group);
/* CHECK_GROUPS: there is none of this name. */
enum check_group check_group_find(const char *name);

enum check_name {
    CHECK_MX_GATEWAYS,
    CHECK_MX_TARGET,
    CHECK_MX_TTL,
    CHECK_NS_AGREE,
    CHECK_SPF_RECORD,
    CHECK_SPF_OUTBOUND,
    CHECK_DKIM_KEYS,
    CHECK_DMARC_RECORD,
    CHECK_MTA_STS,
    CHECK_TLSA,
    CHECK_PTR,
    CHECK_DNSBL,
    CHECK_ROUTE_FIRST,
    CHECK_INTAKE_FREE,
    CHECK_SERVICES,
    CHECK_NO_BOUNCE,
    CHECK_VERIFY,
    CHECK_LIFETIME,
    CHECK_NULL_LIFETIME,
    CHECK_SIZE,
    CHECK_RECIPIENTS,
    CHECK_MILTERS,
    CHECK_LOG,
    CHECK_CLASS,
    CHECK_TLS_LOG,
    CHECK_CONTENT_FILTER,
    CHECK_ALIASES,
    CHECK_THIRD_SYSTEMS,
    CHECK_SOURCE_ADDRESS,
    CHECK_VECTORS,
    CHECK_REPLICAS,
    CHECK_REDIS,
    CHECK_SNAPSHOT,
    CHECK_CLOCKS,
    CHECK_PINS,
    CHECK_TLS,
    CHECK_PROBE,
    CHECK_MOVERS,
    CHECK_SESSIONS,
    CHECK_EXTENSIONS,
    CHECK_JUDGES_US,
    CHECK_ARRIVAL,
    CHECK_CALLOUT,
    CHECK_UNITS,
    CHECK_QUOTA,
    CHECK_FORWARDS,
    CHECK_LOOP,
    CHECK_INSIDE,
    CHECK_DRILL,
    CHECKS
};

struct check_row {
    const char *name;
    enum check_group group;
    bool blocks;        /* a weight above 0 */
    const char *looks;  /* what must be so */
    const char *why;    /* it matters */
    const char *remedy; /* what to do where it isn't */
};

extern const struct check_row check_rows[CHECKS];

/* CHECKS: there is none of this name. */
enum check_name check_find(struct span name);

enum { CHECK_LINES_MAX = 48 };

struct check {
    struct arena *arena;
    enum check_result result; /* the worst of its lines; SKIPPED without any */
    const char *lines[CHECK_LINES_MAX];
    enum check_result results[CHECK_LINES_MAX]; /* of each */
    size_t count;
    size_t left_out; /* lines that had no room; their result counts */
    bool is_final;   /* unknown, but asking again would not change it */
};

void check_begin(struct check *check, struct arena *arena);

/* What came of one thing. */
void check_add(struct check *check, enum check_result result, const char *format, ...)
    ATTRIBUTE_PRINTF(3, 4);

/* The first line that is as bad as the result; "" without lines. */
const char *check_bad_line(const struct check *check);

/* All of them in one, a line each. */
const char *check_found(const struct check *check, struct arena *arena);

struct check_counts {
    unsigned blocking; /* of blocking ones: failed or unknown */
    unsigned warnings; /* of the others failed; skipped ones of any kind */
    unsigned unknown;  /* of any kind */
};

/* Adds one. */
void check_count(
    struct check_counts *counts, enum check_name name, enum check_result result);

/* Whether it holds a weight above 0 up. */
bool check_holds_up(enum check_name name, enum check_result result);

#endif
