/*
 * heartbeat - `gateway:<name>` in Redis: that this gateway's controller lives, and what
 * it knows; every 5 seconds, every slot where that is shorter.
 *
 * Fields: `version`; `digest` (16 hex digits, of the replica, the same on each gateway
 * that answers the same); `site`, where it has one; `log_time` (unix time of the last
 * line of Postfix's log); `books` (by how many recipients the accounts fail to balance);
 * `waiting` (recipients); `time` (unix time).  What is not known is the word `unknown`.
 * Fields of others in that hash stay.  With Redis away nothing is kept for later.
 */
#ifndef POLICYD_CUTOVER_HEARTBEAT_H
#define POLICYD_CUTOVER_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct heartbeat;
struct redis;
struct replica;

struct heartbeat_facts {
    int64_t log_time; /* 0: not known */
    bool is_known;    /* of the next two */
    uint64_t difference;
    uint64_t waiting;
};

struct heartbeat_options {
    const char *prefix;
    const char *gateway;
    uint64_t slot_ms;
    const char *site;  /* "": none */
    bool without_hops; /* this gateway's next hops are its site's */
    void (*gather)(void *argument, struct heartbeat_facts *facts);
    void *argument;
};

/* Texts are borrowed; `redis` outlives it. */
struct heartbeat *heartbeat_new(struct event_base *base, struct redis *redis,
    const struct replica *replica, const struct heartbeat_options *options);
void heartbeat_free(struct heartbeat *heartbeat);

/* What the replica holds has changed, or it is another one. */
void heartbeat_changed(struct heartbeat *heartbeat, const struct replica *replica);

enum { HEARTBEAT_DIGEST_SIZE = 17 };

/* False while it is not known. */
bool heartbeat_digest(
    const struct heartbeat *heartbeat, char digest[HEARTBEAT_DIGEST_SIZE]);

#endif
