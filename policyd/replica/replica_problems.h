/*
 * replica_problems - what Redis says and we can't take, one entry for each key and field,
 * each told once.
 *
 * A load meets all problems again: what it didn't meet is over.  Pure.
 */
#ifndef POLICYD_REPLICA_REPLICA_PROBLEMS_H
#define POLICYD_REPLICA_REPLICA_PROBLEMS_H

#include "policyd/state/domain_state.h"
#include "shared/base/span.h"

enum { REPLICA_PROBLEMS_MAX = 1000 }; /* kept; more are counted */

enum replica_problem_kind {
    PROBLEM_INVALID, /* a value that is none; the last good one counts */
    PROBLEM_UNKNOWN, /* a field that a domain doesn't have, or a state that is hardly
                      * meant; only said */
    PROBLEM_REFUSED, /* a domain that [policyd] domains doesn't name */
    PROBLEM_DOUBLE,  /* another key, better written, means the same */
    PROBLEM_GONE,    /* a domain or list that Redis lost; kept */
    PROBLEM_OLDER,   /* a domain with a lower rev than ours; ours is kept */
    PROBLEM_KIND_COUNT
};

struct replica_problem {
    enum replica_problem_kind kind;
    const char *key;              /* as it is written in Redis; printable, cut */
    struct domain_problem detail; /* field, value and text; the first two may be "" */
};

struct replica_problems;

struct replica_problems *replica_problems_new(void);
void replica_problems_free(struct replica_problems *problems);

/*
 * What is known of the key is gone through again: begin, add what is (still) wrong, end.
 */
void replica_problems_begin_key(struct replica_problems *problems, struct span key);
void replica_problems_end_key(struct replica_problems *problems, struct span key);

/* True when it is new or has changed: then it is to be logged.  Not so where too many are
 * known already. */
bool replica_problems_add(struct replica_problems *problems,
    enum replica_problem_kind kind, struct span key, const struct domain_problem *detail);
void replica_problems_remove(struct replica_problems *problems, struct span key);

/* Whether something is wrong with the key (as far as this load has met it again). */
bool replica_problems_has(const struct replica_problems *problems, struct span key);

/* A load begins; it has met everything (or was given up, `complete` false). */
void replica_problems_begin_load(struct replica_problems *problems);
void replica_problems_end_load(struct replica_problems *problems, bool complete);

size_t replica_problems_count(
    const struct replica_problems *problems, enum replica_problem_kind kind);
bool replica_problems_next(const struct replica_problems *problems, size_t *cursor,
    struct replica_problem *problem);

#endif
