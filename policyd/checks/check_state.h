/*
 * check_state - what policyd, Redis and the gateways must be like before a domain is
 * moved.  Pure.
 */
#ifndef POLICYD_CHECKS_CHECK_STATE_H
#define POLICYD_CHECKS_CHECK_STATE_H

#include "policyd/checks/check.h"
#include "policyd/state/domain_state.h"

/* One answer of policyd. */
struct check_vector {
    const char *address;
    const char *trouble; /* why there was none; NULL: there was */
    bool has_bucket;
    uint64_t bucket;    /* as policyd has it */
    uint64_t expected;  /* as it must be */
    int64_t took_us;    /* of the socketmap; -1: not asked */
    const char *hidden; /* the socketmap is not open to this user; NULL: it is */
};
void check_state_vectors(
    const struct check_vector *vectors, size_t count, struct check *check);

/* One `gateway:<name>`. */
struct check_gateway {
    const char *name;
    struct span digest;
    struct span time; /* of its last word, unix time */
};
void check_state_replicas(
    const struct check_gateway *gateways, size_t count, int64_t now, struct check *check);
/* `redis_ms` and `now_ms`: Redis' clock, ours. */
void check_state_clocks(const struct check_gateway *gateways, size_t count,
    int64_t redis_ms, int64_t now_ms, struct check *check);

/* `info` is the answer to INFO; `saves` when it saves, where it says so (CONFIG GET
 * save); `user` who we log in as, "" the default one. */
void check_state_redis(
    struct span info, struct span saves, const char *user, struct check *check);
/* Its own clock out of INFO in milliseconds; 0: it doesn't say. */
int64_t check_state_redis_clock(struct span info);

/* One pin of the domain. */
void check_state_pin(
    struct span name, struct span text, int64_t now, struct check *check);
/* The same, of a unit that it is not; `unit_pin` is that one's, "" none. */
void check_state_pin_unit(struct span name, struct span text, struct span unit,
    struct span unit_pin, struct check *check);
/* After all of them; `trouble`: why not all were seen, NULL: they were. */
void check_state_pins(size_t count, const char *trouble, struct check *check);

/* The file; `fault` NULL: it is there, since `modified`; `is_hidden`: we may not look. */
void check_state_snapshot(const char *path, const char *fault, bool is_hidden,
    int64_t modified, int64_t now, struct check *check);

/* `state` NULL: none, or bad; `trouble`: why nothing is known. */
void check_state_inside(
    const struct domain_state *state, const char *trouble, struct check *check);
/* Mail of the domain that came here from old in so many days, besides; `trouble`: why
 * that isn't known. */
void check_state_from_old(
    const char *trouble, uint64_t count, unsigned days, struct check *check);
/* `drilled`: when the last rollback was, unix time; 0: never. */
void check_state_drill(const struct domain_state *state, const char *trouble,
    int64_t drilled, int64_t now, struct check *check);
/* What the queue's disk has free, and what comes in a day; `trouble`: why that isn't
 * known. */
void check_state_spool(
    const char *trouble, uint64_t free_octets, uint64_t daily, struct check *check);

#endif
