/*
 * plan_store_inside - what the files of plan_store share.
 */
#ifndef POLICYD_CUTOVER_PLAN_STORE_INSIDE_H
#define POLICYD_CUTOVER_PLAN_STORE_INSIDE_H

#include "policyd/cutover/event_append.h"
#include "policyd/cutover/plan_store.h"

enum { TOLD_MAX = 16, SCRATCH_MAX = 64 << 20 };

enum ask_kind {
    ASK_TIME,
    ASK_ACCEPT,
    ASK_PLAN,
    ASK_STATE,
    ASK_JUDGES,
    ASK_PROBES,
    ASK_PREFLIGHT,
    ASK_REHEARSAL,
    ASK_COUNTS,
    ASK_GATEWAYS,
    ASK_GATEWAY
};

/* What was asked; answers come in this order. */
struct ask {
    enum ask_kind kind;
    struct plan_entry *entry;
    enum domain_side side;
    int64_t slot_ms;     /* of counts */
    const char *gateway; /* of a heartbeat; in scratch */
};

struct told {
    const char *about;
    uint64_t at_ms;
};

struct plan_store {
    struct plan_store_options options;
    struct redis *redis;
    struct event_append *append;
    char *prefix;
    char gateway[PLAN_NAME_MAX];
    struct arena *scratch; /* keys and words of one round, or of one write */

    struct plan_entry **entries; /* those with a plan first, others only during a round */
    size_t count;
    size_t room;
    size_t shown; /* after the last round */
    int64_t read_at;
    int64_t ahead_s;    /* that our clock is before it */
    int64_t redis_time; /* by its own clock, before the round; 0: not known */

    struct ask *asks;
    size_t ask_count;
    size_t ask_room;
    size_t ask_next;
    int64_t accepted;  /* the time of the last accept-state that was read; -1: none yet */
    uint64_t round_ms; /* when the last one was begun that was answered; steady clock */
    uint64_t begun_ms; /* and this one */
    bool is_asking;
    bool is_lost;
    uint64_t domain_cursor;

    struct gateway_row gateways[PLAN_STORE_GATEWAYS_MAX];
    size_t gateway_count;
    int64_t shown_at; /* when we said last that we are one of them */

    struct told told[TOLD_MAX];
};

/* An answer of Redis to the next of the questions. */
void plan_store_answered(void *argument, const struct redis_reply *reply);

/* All of a round was answered. */
void plan_store_end_round(struct plan_store *store);

/* The entry of a domain, made where there is none. */
struct plan_entry *plan_store_make(struct plan_store *store, struct span domain);

#endif
