/*
 * reading - what the readers of keys, of lists and of everything share: the connection,
 * and where values go.
 *
 * All reads go over one connection, so that answers come in the order in which they were
 * asked for: what was read later is newer.
 */
#ifndef POLICYD_STORE_READING_H
#define POLICYD_STORE_READING_H

#include "policyd/redis/redis.h"
#include "policyd/replica/odd_keys.h"
#include "policyd/replica/replica_orders.h"

struct reading {
    struct event_base *base;
    struct redis *redis;
    struct replica_orders *orders;
    struct span prefix;
    struct recipient_rules recipient;
    struct odd_keys *odd_keys;         /* keys that are there and written oddly */
    struct odd_keys *loading_odd_keys; /* those that this load met; NULL without a load */
    uint64_t expiry_told_ms; /* when it was last warned that Redis deletes pins */
    unsigned load_number;    /* answers to a load before this one are not its own */
};

/* For replica_orders: what time it is.  Every answer sets it. */
void reading_set_time(struct reading *reading);

/* NULL: the connection was lost before the answer.  `stale`: the load that asked is over,
 * nothing may be concluded from it. */
typedef void reading_answer(void *argument, const struct redis_reply *reply, bool stale);

/* Asks, for these targets.  False: no room, or no connection; then `answer` is not
 * called. */
bool reading_ask(struct reading *reading, unsigned targets, reading_answer *answer,
    void *argument, size_t count, const struct span *words);
#define reading_ask_words(reading, targets, answer, argument, ...)                       \
    reading_ask(reading, targets, answer, argument,                                      \
        sizeof(REDIS_WORDS(__VA_ARGS__)) / sizeof(struct span),                          \
        REDIS_WORDS(__VA_ARGS__))

/* The whole name of a key, in a buffer that the next call overwrites. */
struct span reading_whole_key(
    const struct reading *reading, struct span key, struct buffer *buffer);

/* What a key without the prefix is about. */
void reading_parse(
    const struct reading *reading, struct span key, struct replica_key *about);

/* It is there, and not written canonically. */
void reading_add_odd_key(
    struct reading *reading, const struct replica_key *about, struct span written);
void reading_remove_odd_key(
    struct reading *reading, struct span canonical, struct span written);

/*
 * The keys that are read for what `about` means, in the order in which they count; the
 * first is the canonical one. They are copied into `texts`.
 */
size_t reading_keys(const struct reading *reading, unsigned targets,
    const struct replica_key *about, struct span keys[ODD_KEYS_READ + 1],
    struct buffer *texts);

/*
 * An answer to GET or HGETALL as a value.  False: it is none (the server refuses, or
 * reads its dataset): nothing may be concluded from it; the connection is dropped.
 */
enum { READING_FIELDS_MAX = DOMAIN_STATE_FIELDS_MAX + 1 };
bool reading_value(struct reading *reading, const struct redis_reply *reply,
    struct domain_field fields[READING_FIELDS_MAX], struct replica_value *value);

/* The server answered something that makes no sense here. */
void reading_drop(
    struct reading *reading, const struct redis_reply *reply, const char *what);

#endif
