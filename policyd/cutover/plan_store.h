/*
 * plan_store - plans in Redis: read once a second, changed by one script, never waited
 * for.
 *
 * Of each domain of ours `plan:` and `domain:`; of those with a plan the outcomes by slot
 * (`stat:`: all since the stage began, again every three minutes, and the
 * last slots each time, since other gateways' counts come late), `judge:<domain>` and
 * `rehearsal:<domain>` (a field a gateway each).  Of the gateways their heartbeats: who
 * there is stands in the sorted set `gateways`, name by unix time of its last word; one
 * that is silent is asked for for eight days, or until somebody takes it out (ZREM). What
 * belongs together is told together: when all questions of a round were answered, `read`
 * is called; a round that lost its connection says nothing.
 *
 * Before each round Redis is asked for its time, and what is decided on the round counts
 * for PLAN_COMMIT_SECONDS from then: neither a controller nor a Redis that was stopped in
 * between writes what was right before.
 *
 * Each kind of trouble (full, read-only, no permission, another type) is one line, and
 * again after ten minutes.
 *
 * Limits: with more than 200 domains those without a plan are looked at in turn, so that
 * a plan that is started is seen some seconds later.
 */
#ifndef POLICYD_CUTOVER_PLAN_STORE_H
#define POLICYD_CUTOVER_PLAN_STORE_H

#include "policyd/cutover/plan_entry.h"
#include "policyd/gateways/gateway_row.h"
#include "policyd/plan/plan_commit.h"
#include "policyd/redis/redis.h"
#include "policyd/replica/replica.h"

struct event_base;
struct plan_store;

enum { PLAN_STORE_GATEWAYS_MAX = 100 };

struct plan_store_options {
    const struct redis_options *redis;
    const char *prefix;
    const char *gateway;
    int64_t slot_ms;
    /* A round was read. */
    void (*read)(void *argument);
    /* An entry goes: its domain has no plan any more, or is no longer ours. */
    void (*gone)(void *argument, struct plan_entry *entry);
    void *argument;
};

struct plan_store *plan_store_new(
    struct event_base *base, const struct plan_store_options *options);
void plan_store_free(struct plan_store *store); /* `gone` is called for each */

/* Begins a round where none is under way. */
void plan_store_tick(struct plan_store *store, const struct replica *replica);

bool plan_store_is_up(const struct plan_store *store);
int64_t plan_store_read_at(const struct plan_store *store); /* unix time; 0: never */

/* Seconds that our clock is ahead of Redis', as of the last round. */
int64_t plan_store_clock_ahead(const struct plan_store *store);

/* Domains with a plan, as last read. */
size_t plan_store_count(const struct plan_store *store);
struct plan_entry *plan_store_at(const struct plan_store *store, size_t i);
struct plan_entry *plan_store_find(const struct plan_store *store, struct span domain);

size_t plan_store_gateways(
    const struct plan_store *store, const struct gateway_row **gateways);

/* --- writing --- */

enum plan_store_result {
    PLAN_STORE_DONE,
    PLAN_STORE_STALE,   /* what was read is no longer so: nothing was changed */
    PLAN_STORE_LATE,    /* what was read is too old: nothing was changed */
    PLAN_STORE_REFUSED, /* by Redis: nothing was changed; it was told */
    PLAN_STORE_LOST,    /* no answer: it may have been done, the next round shows it */
};

typedef void plan_store_done(void *argument, enum plan_store_result result);

/* False: down, or one of this entry is on its way; then `done` is not called.  The entry
 * stays until the answer. */
bool plan_store_commit(struct plan_store *store, struct plan_entry *entry,
    const struct plan_write *write, int64_t now, plan_store_done *done, void *argument);

/* An event alone; nobody waits for it. */
void plan_store_event(struct plan_store *store, const struct event_fields *event);

/* A pin of the guard's and its event; DONE, or STALE where another pin is there. */
bool plan_store_pin(struct plan_store *store, const struct plan_pin *pin,
    const struct event_fields *event, plan_store_done *done, void *argument);

/* Sets a key (after the prefix) that is not there, for so many seconds: DONE: it is ours
 * now; STALE: another has it. */
bool plan_store_claim(struct plan_store *store, const char *key, unsigned seconds,
    plan_store_done *done, void *argument);

/* What is ours lasts so long from now on. */
void plan_store_claim_renew(struct plan_store *store, const char *key, unsigned seconds);

/* What was claimed is over: it is nobody's any more, and stays taken. */
void plan_store_claim_done(struct plan_store *store, const char *key, unsigned seconds);

/* This gateway's field of judge:<domain>. */
void plan_store_judges(struct plan_store *store, const char *domain, const char *value);

/* What else is written with an event; as event_append_add has it. */
bool plan_store_append(struct plan_store *store, struct arena *arena,
    struct event_write *write, redis_callback *done, void *argument);

/* For what else is asked of the same connection. */
struct redis *plan_store_redis(struct plan_store *store);
const char *plan_store_prefix(const struct plan_store *store);

/* One line about it, once in ten minutes for each `about` (a literal). */
void plan_store_tell(
    struct plan_store *store, const char *about, const struct redis_reply *reply);

#endif
