/*
 * replica - domains, pins, units and lists in memory; what every answer is made from.
 *
 * Pure memory: no clock, no Redis.  Names are canonical: the caller (replica_sync, snapshot) makes addresses so
 * and says what wins where two spellings meet.  A million pins take at most 100 octets each, key included; all
 * of a replica's table memory goes back at replica_free, however long it lived.
 */
#ifndef POLICYD_ROUTING_REPLICA_H
#define POLICYD_ROUTING_REPLICA_H

#include "policyd/routing/domain_state.h"
#include "policyd/routing/pin.h"

enum {
    REPLICA_NAME_MAX = 1024,    /* octets of a recipient, unit, list or domain name; longer is refused */
    REPLICA_DOMAINS_MAX = 10000,
};

struct replica;

/* From the override file: what wins over Redis for one domain. */
struct replica_override {
    bool has_weight;
    unsigned weight;
    bool has_mode;
    enum domain_mode mode;
};

/* A domain we know.  `state` NULL: it never had a good one, or lost it by accept-state (then: TEMP). */
struct replica_domain {
    const struct domain_state *state;
    struct replica_override override;
    bool suspect;       /* Redis no longer says what we answer */
    const char *why;    /* of suspect, one line; NULL else */
    uint64_t rev;       /* the highest rev taken, 0 for none */
};

struct replica *replica_new(void);
void replica_free(struct replica *replica);

/* Looking up.  What is given is borrowed until the next change. */
bool replica_find_domain(const struct replica *replica, struct span name, struct replica_domain *found);
bool replica_find_pin(const struct replica *replica, struct span name, struct pin *found); /* note is empty */
struct span replica_find_unit(const struct replica *replica, struct span recipient); /* empty: its own */
bool replica_list_has(
    const struct replica *replica, struct span domain, struct span list, struct span unit);

/*
 * False until a full load (or a snapshot) has been taken: then a domain that is not there may still come, and
 * with no listed domains every answer is TEMP.
 */
bool replica_is_loaded(const struct replica *replica);

size_t replica_domain_count(const struct replica *replica);
size_t replica_pin_count(const struct replica *replica);
size_t replica_unit_count(const struct replica *replica);

/* Goes through the domains in no particular order; false after the last.  Start with *cursor = 0. */
bool replica_next_domain(const struct replica *replica, size_t *cursor, struct span *name,
    struct replica_domain *found);

/* Changing (used by replica_sync, snapshot, override and tests) stands below, the store's part. */

/* Takes the state; NULL forgets it but remembers that the domain is ours. */
void replica_put_domain(struct replica *replica, struct span name, struct domain_state *state, uint64_t rev);
void replica_set_suspect(struct replica *replica, struct span name, const char *why); /* NULL: no longer */
void replica_set_override(
    struct replica *replica, struct span name, const struct replica_override *override);
void replica_clear_overrides(struct replica *replica);
void replica_remove_domain(struct replica *replica, struct span name);
void replica_put_pin(struct replica *replica, struct span name, enum pin_place place, int64_t until);
void replica_remove_pin(struct replica *replica, struct span name);
void replica_put_unit(struct replica *replica, struct span recipient, struct span unit);
void replica_remove_unit(struct replica *replica, struct span recipient);
void replica_put_member(
    struct replica *replica, struct span domain, struct span list, struct span unit);
void replica_remove_member(
    struct replica *replica, struct span domain, struct span list, struct span unit);
void replica_set_loaded(struct replica *replica);

#endif
