/*
 * replica_orders_inside - the state of replica_orders, for its own files.  They call
 * downwards: replica_orders.c and _load.c; _refusal.c; _domain.c, _named.c (pins and
 * units), _list.c, _text.c; _alarm.c (problems, telling, the alarm, waivers).
 */
#ifndef POLICYD_REPLICA_REPLICA_ORDERS_INSIDE_H
#define POLICYD_REPLICA_REPLICA_ORDERS_INSIDE_H

#include "policyd/replica/replica_guard.h"
#include "policyd/replica/replica_merge.h"
#include "policyd/replica/replica_orders.h"

enum { REPLICA_KEY_TEXT_MAX = 2 * REPLICA_NAME_MAX };

enum load_stage {
    LOAD_NONE,
    LOAD_READING,
    LOAD_COMPARING,
    LOAD_TELLING,
    LOAD_REFUSING,
    LOAD_MERGING
};

struct replica_list_job {
    unsigned targets;        /* 0: no list is being read */
    bool complete;           /* read to its end: being put in force */
    struct replica *members; /* this list alone */
    struct replica_name domain;
    struct replica_name list;
    char key[REPLICA_KEY_TEXT_MAX];
    size_t key_length;
    bool adding;
    uint64_t cursor;
};

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order of reading */
struct replica_orders {
    struct replica_rules rules;
    struct replica_events events;
    void *argument;
    int64_t now;
    uint64_t now_ms;

    struct replica *answering;
    struct replica *loading; /* NULL: no load */
    struct replica_problems *problems;
    struct replica_guard *guard;
    struct override_entry *overrides;
    size_t override_count;
    bool overrides_unclear;
    struct replica_list_job list;

    enum load_stage stage;
    bool tainted; /* Redis lost what we keep while this load was read: it lacks that */
    uint64_t telling;  /* cursor */
    unsigned refusing; /* how far a refusal is: domains, then each kind of name */
    struct replica_compare compare;
    struct replica_merge merge;

    bool knows_accept;
    int64_t accepted;             /* the time of the last one taken */
    struct replica_waiver wanted; /* of the next load */
    int64_t wanted_time;
    struct replica_waiver waiver; /* of this load */
    int64_t accepting;            /* its time; 0: nothing was accepted */

    char alarm[600];   /* "": none */
    bool load_refused; /* the last one */
    size_t held;       /* pins and units that Redis lost and we keep */
    bool changed_since_load;
};

/* Tells a problem and remembers it. */
void orders_problem(struct replica_orders *orders, enum replica_problem_kind kind,
    struct span key, const struct domain_problem *detail, const char *kept);
void orders_problem_text(struct replica_orders *orders, enum replica_problem_kind kind,
    struct span key, const char *field, struct span value, const char *text,
    const char *kept);

/* Redis lost more than it may: what went lately comes back, and losses wait. */
void orders_raise_alarm(struct replica_orders *orders, const char *text);
/* Something of the domain isn't as Redis has it; the first reason stays. */
void orders_suspect(struct replica_orders *orders, struct span domain, const char *why);
/* Pins or units of the domain are gone from Redis and kept. */
void orders_suspect_loss(struct replica_orders *orders, struct span domain);
/* Ends the alarm when Redis says again all that we answer. */
void orders_check_alarm(struct replica_orders *orders);

void orders_tell_domain(struct replica_orders *orders, enum replica_source source,
    struct span name, const struct domain_state *from, const struct domain_state *to);
void orders_tell(struct replica_orders *orders, enum replica_change_kind kind,
    struct span name, struct span list, struct span from, struct span to);

/* A value for the replicas of `targets`. */
void orders_take_domain(struct replica_orders *orders, unsigned targets, struct span key,
    struct span name, const struct replica_value *value);
void orders_take_named(struct replica_orders *orders, enum replica_kind kind,
    unsigned targets, struct span key, struct span name,
    const struct replica_value *value);
void orders_take_hold_text(struct replica_orders *orders, unsigned targets,
    struct span key, const struct replica_value *value);

/* A load that lacks too much, or is old: what of it is taken all the same. */
enum replica_load_result orders_begin_refusal(struct replica_orders *orders);
enum replica_load_result orders_step_refusal(
    struct replica_orders *orders, size_t entries);
/* The load is over, its replica taken, merged or of no use. */
void orders_end_load(struct replica_orders *orders);

/* The states that were good under other rules: what these don't allow goes. */
void orders_check_domains(struct replica_orders *orders);

/* Whether a load is going on whose losses there are meant. */
bool orders_is_waived(const struct replica_orders *orders, struct span domain);

#endif
