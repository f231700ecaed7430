/*
 * plan_commit - the one command that carries a plan_write out, and events beside it, as
 * an event_write.  Pure.
 *
 * Both hashes must still be as they were read, field by field, so that a plain redis-cli
 * edit counts too: answered 0, nothing was changed, and who wants it reads anew and
 * decides anew.  Answered 1: all of it is written, with its event.  Answered -1: what was
 * decided is older than PLAN_COMMIT_SECONDS by Redis' own clock, since whoever decided
 * it, or Redis, was stopped meanwhile; nothing was changed.  Whatever Redis refuses
 * (full, read-only, a key of another type) it refuses before the first of it is written.
 */
#ifndef POLICYD_PLAN_PLAN_COMMIT_H
#define POLICYD_PLAN_PLAN_COMMIT_H

#include "policyd/events/event_write.h"
#include "policyd/plan/plan_write.h"

enum {
    PLAN_COMMIT_SECONDS = 10, /* from the reading of the figures to the writing */
};

struct plan_commit {
    const char *prefix;
    const char *domain;
    const char *host;
    int64_t now;
    int64_t read_at; /* by Redis' own clock, before anything was read; unix time */
    /* As they were read. */
    const struct domain_field *plan;
    size_t plan_count;
    const struct domain_field *state;
    size_t state_count;
    const struct plan_write *write;
};

/* NULL: the hashes have too many fields.  All is copied into the arena. */
struct event_write *plan_commit_write(
    const struct plan_commit *commit, struct arena *arena);

/* An event alone. */
struct event_write *plan_event_write(
    const char *prefix, const struct event_fields *event, struct arena *arena);

/* A pin of the guard's. */
struct plan_pin {
    const char *unit;
    const char *value;
    const char *kind; /* "known" "unknown" */
    uint64_t kept_s;  /* how long it counts */
};

/* The pin with its event, where there is none, or one that the guard made (`old until=`):
 * answered 1; else 0.  In the sorted set `guard:KIND:DOMAIN` is when (the event's time)
 * whom was pinned, hashed. */
struct event_write *plan_pin_write(const char *prefix, const struct plan_pin *pin,
    const struct event_fields *event, struct arena *arena);

#endif
