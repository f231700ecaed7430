/*
 * replica_orders - decides which changes in Redis are orders, and which are accidents
 * that change no answer.
 *
 * Holds the replica that answers and, during a load, the one that is being filled.  The
 * caller reads values from Redis and hands them in; here it is decided what they do:
 *
 * - a good value is taken, a bad one leaves the last good one in force and is told once;
 * - a domain that went, a list of several members that vanished, more losses than
 * replica_guard allows, a rev lower than ours: ours is kept, with an alarm, until an
 * operator accepts it or Redis has it again;
 * - a finished load is compared.  It is taken as a whole, or what it lacks is refused and
 * only the good states of domains that it has are taken, or (a rev in it is lower) it is
 * refused as a whole.
 *
 * Pure: no Redis, no clock, no log.  What it does is told by events.
 */
#ifndef POLICYD_REPLICA_REPLICA_ORDERS_H
#define POLICYD_REPLICA_REPLICA_ORDERS_H

#include "policyd/replica/override_text.h"
#include "policyd/replica/replica_compare.h"
#include "policyd/replica/replica_key.h"
#include "policyd/replica/replica_problems.h"
#include "policyd/replica/replica_rules.h"

enum replica_source {
    REPLICA_FROM_REDIS,
    REPLICA_FROM_ACCEPT,
    REPLICA_FROM_OVERRIDE,
    REPLICA_FROM_SNAPSHOT,
    REPLICA_FROM_FILE, /* what the configuration no longer allows */
    REPLICA_SOURCES
};

const char *replica_source_name(enum replica_source source);

enum replica_change_kind { CHANGE_DOMAIN, CHANGE_PIN, CHANGE_UNIT, CHANGE_MEMBER };

/* Of what is answered; texts are borrowed for the call. */
struct replica_change {
    enum replica_source source;
    enum replica_change_kind kind;
    struct span name;  /* domain, pin, recipient; of a member: the list's domain */
    struct span list;  /* of a member */
    const char *field; /* of a domain; else "pin", "unit", "member" */
    struct span from;  /* "": was not there */
    struct span to;    /* "": is no longer there */
};

struct replica_events {
    void (*changed)(void *argument, const struct replica_change *change);
    /* A problem that is new or has changed; `kept` is what counts instead, or "". */
    void (*problem)(
        void *argument, const struct replica_problem *problem, const char *kept);
    /* Raised, changed, or over ("").  */
    void (*alarm)(void *argument, const char *text);
};

/* A value as it was read. */
enum replica_value_kind { VALUE_ABSENT, VALUE_TEXT, VALUE_FIELDS, VALUE_OTHER };

struct replica_value {
    enum replica_value_kind kind; /* VALUE_OTHER: the key is of another type */
    struct span text;
    const struct domain_field *fields;
    size_t count;
};

/* Whom a value is for. */
enum replica_targets { REPLICA_ANSWERING = 1, REPLICA_LOADING = 2 };

/* An accept that lies further ahead is nonsense: clocks differ, but not by more. */
enum { REPLICA_ACCEPT_AHEAD_SECONDS = 24 * 60 * 60 };

struct replica_orders;

struct replica_orders *replica_orders_new(const struct replica_rules *rules,
    const struct replica_events *events, void *argument);
void replica_orders_free(struct replica_orders *orders);

/*
 * A load is to follow: until then what was good under the old rules counts, but for what
 * these don't allow.  A domain that they no longer name is forgotten: that is the file's
 * word, and no loss.
 */
void replica_orders_set_rules(
    struct replica_orders *orders, const struct replica_rules *rules);

/* Unix time in seconds, and a clock that never steps.  Given before any of the calls
 * below. */
void replica_orders_set_time(struct replica_orders *orders, int64_t now, uint64_t now_ms);

/* What answers now; another one after a load was taken. */
const struct replica *replica_orders_answering(const struct replica_orders *orders);

/* At start: what the snapshot has.  Takes the replica. */
void replica_orders_adopt(struct replica_orders *orders, struct replica *replica,
    bool knows_accept, int64_t accepted);

/* `unclear`: the file may say something of other domains, too. */
void replica_orders_set_overrides(struct replica_orders *orders,
    const struct override_entry *entries, size_t count, bool unclear);

/*
 * A domain, pin or unit as Redis has it.  `key` is the name of its Redis key as it is
 * written there, without the prefix; `about` what that means.  REPLICA_LOADING without a
 * load is ignored.
 */
void replica_orders_take(struct replica_orders *orders, unsigned targets, struct span key,
    const struct replica_key *about, const struct replica_value *value);

/*
 * Redis is going to delete the pin in so many seconds: until then it counts, wherever it
 * is known, and is over then, like one with `until`.
 */
void replica_orders_take_expiry(
    struct replica_orders *orders, struct span name, int64_t seconds);

/* A key that names nothing, or a better written one means the same: told, without effect.
 */
void replica_orders_refuse_key(struct replica_orders *orders, struct span key,
    enum replica_problem_kind kind, const char *text);

/* The key that was refused is gone. */
void replica_orders_forget_key(struct replica_orders *orders, struct span key);

/* A list, member by member; one at a time.  REPLICA_LOADING goes by itself when the load
 * ends. */
void replica_orders_begin_list(struct replica_orders *orders, unsigned targets,
    struct span key, const struct replica_key *about);
void replica_orders_take_member(struct replica_orders *orders, struct span unit);
/* All members were read, or why they don't count. */
enum replica_list_result { LIST_READ, LIST_OF_OTHER_TYPE, LIST_TOO_LARGE };
enum { REPLICA_LIST_MEMBERS_MAX = 5 * 1000 * 1000 };
void replica_orders_end_list(
    struct replica_orders *orders, enum replica_list_result result);
/* Puts what was read in force; false when done.  Only then the next one may begin. */
bool replica_orders_step_list(struct replica_orders *orders, size_t entries);
/* What was read so far doesn't count. */
void replica_orders_drop_list(struct replica_orders *orders);

/*
 * The `accept` key.  True: it is newer than the last one that was taken, and a load
 * should begin at once; the losses of that load are meant.
 */
bool replica_orders_take_accept(
    struct replica_orders *orders, const struct replica_value *value);
/* One waits for a load to begin; the load that goes on brings one to pass. */
bool replica_orders_has_accept(const struct replica_orders *orders);
bool replica_orders_is_accepting(const struct replica_orders *orders);
/* The time of the last one taken; false: none is known, the first one met is only
 * remembered. */
bool replica_orders_accepted(const struct replica_orders *orders, int64_t *time);

/* A load. */
void replica_orders_begin_load(struct replica_orders *orders);
void replica_orders_drop_load(struct replica_orders *orders);
bool replica_orders_is_loading(const struct replica_orders *orders);

/* All keys have been handed in: compares about as many entries. */
enum replica_load_result {
    REPLICA_LOAD_GOES_ON,
    REPLICA_LOAD_TAKEN,
    REPLICA_LOAD_REFUSED
};
enum replica_load_result replica_orders_step_load(
    struct replica_orders *orders, size_t entries);

/* An alarm stands and Redis has changed since the last load: another one may end it. */
bool replica_orders_wants_load(const struct replica_orders *orders);

const char *replica_orders_alarm(const struct replica_orders *orders); /* "": none */
const struct replica_problems *replica_orders_problems(
    const struct replica_orders *orders);

#endif
