/*
 * replica - domains, pins, units and lists in memory; what every answer is made from.
 *
 * Pure memory: no clock, no Redis.  Names are canonical: the caller (replica_sync,
 * snapshot) makes addresses so and says what wins where two spellings meet.  A million
 * pins take at most 100 octets each, key included; all of a replica's table memory goes
 * back at replica_free, however long it lived.  No single call takes longer than a few
 * milliseconds, whatever the size, but replica_free and replica_clear_overrides.
 *
 * Limits: a replica does not shrink below its largest size until a new one replaces it.
 */
#ifndef POLICYD_REPLICA_REPLICA_H
#define POLICYD_REPLICA_REPLICA_H

#include "policyd/state/domain_state.h"
#include "policyd/state/pin.h"

enum {
    /* Octets of a recipient, unit, list or domain name; longer ones, and empty ones, are
     * refused. */
    REPLICA_NAME_MAX = 1024,
    REPLICA_DOMAINS_MAX = 10000,
    REPLICA_LISTS_MAX = 100000,
    REPLICA_WHY_MAX = 200,
    REPLICA_HOLD_TEXT_MAX = 300,
};

struct replica;

/* From the override file: what wins over Redis for one domain. */
struct replica_override {
    bool unclear; /* it says something of the domain that can't be read: mail waits */
    bool has_weight;
    unsigned weight;
    bool has_mode;
    enum domain_mode mode;
};

/* A domain we know of. */
struct replica_domain {
    /* It has, or once had, a good state.  Else only the override file or a hash that
     * never was good names it: it is then not ours unless the file lists it. */
    bool ours;
    /* NULL: it never had a good one, or lost it by accept-state (then: TEMP). */
    const struct domain_state *state;
    struct replica_override override;
    bool suspect;    /* Redis no longer says what we answer */
    const char *why; /* of suspect, one line; NULL else */
    uint64_t rev;    /* the highest rev taken, 0 for none */
};

/*
 * What is held of one name: a pin on it, or the unit of a recipient.  The value is the
 * unit itself, or a pin's place and end packed; equal values are equal octets, and an
 * empty one is none.
 */
enum replica_kind { REPLICA_PIN, REPLICA_UNIT, REPLICA_KINDS };

const char *replica_kind_name(enum replica_kind kind); /* "pin" "unit" */

enum { REPLICA_PIN_OCTETS = 1 + sizeof(int64_t) };
/* Into `room`, which the value borrows. */
struct span replica_pin_pack(
    enum pin_place place, int64_t until, char room[REPLICA_PIN_OCTETS]);
struct pin replica_pin_unpack(struct span value);

/* Whether it decides anything at that time: a pin that is over, or never was good, does
 * not. */
bool replica_value_counts(enum replica_kind kind, struct span value, int64_t now);

/*
 * Once at start, before the first replica: a random number, so that nobody who chooses
 * names can make them meet in the tables.
 */
void replica_seed(uint64_t seed);

struct replica *replica_new(void);
void replica_free(struct replica *replica);

/* Looking up.  What is given is borrowed until the next change. */
bool replica_find_domain(
    const struct replica *replica, struct span name, struct replica_domain *found);
/* A pin or a unit as it is held; without one false, and an empty value. */
bool replica_find(const struct replica *replica, enum replica_kind kind, struct span name,
    struct span *value);
/* The note is not kept: it is empty.  Without a pin: false and PIN_NONE. */
bool replica_find_pin(const struct replica *replica, struct span name, struct pin *found);
/* Empty: its own. */
struct span replica_find_unit(const struct replica *replica, struct span recipient);
bool replica_list_has(const struct replica *replica, struct span domain, struct span list,
    struct span unit);
size_t replica_list_count(
    const struct replica *replica, struct span domain, struct span list);

/* What held mail is told; "": nothing is said of it. */
const char *replica_hold_text(const struct replica *replica);

/*
 * False until a full load (or a snapshot) has been taken: until then a domain that is not
 * there may still come, and with no listed domains every answer is TEMP.
 */
bool replica_is_loaded(const struct replica *replica);

/* The override file can't be read, or not all of it, and nothing is known of what it said
 * before: a domain without an override of its own may have one. */
bool replica_is_unclear(const struct replica *replica);

size_t replica_domain_count(const struct replica *replica); /* those that are ours */
size_t replica_count(const struct replica *replica, enum replica_kind kind);
size_t replica_member_count(const struct replica *replica); /* of all lists together */
size_t replica_memory(const struct replica *replica);       /* octets taken, about */

/*
 * Going through everything, one entry a call, in no particular order; false after the
 * last.  Start with *cursor = 0 and stop and go on as you like: what is there from the
 * start to the end is met exactly once, however much is put and removed in between (what
 * comes or goes meanwhile may or may not be met).  So a comparison can be done in slices,
 * and what was just met may be removed.
 */
bool replica_next_domain(const struct replica *replica, uint64_t *cursor,
    struct span *name, struct replica_domain *found);
bool replica_next(const struct replica *replica, enum replica_kind kind, uint64_t *cursor,
    struct span *name, struct span *value);
bool replica_next_list(const struct replica *replica, uint64_t *cursor,
    struct span *domain, struct span *list, size_t *count);
bool replica_next_member(const struct replica *replica, struct span domain,
    struct span list, uint64_t *cursor, struct span *unit);

/*
 * Changing (for replica_sync, snapshot, override and tests).  Names given may not be
 * borrowed from the replica itself.  False: refused (a name is empty or too long, or
 * there are too many domains or lists), nothing changed.
 */

/* Takes the state, also where it refuses; NULL forgets it but the domain is ours. */
bool replica_put_domain(
    struct replica *replica, struct span name, struct domain_state *state, uint64_t rev);
/* NULL: no longer.  A domain unknown so far becomes known, but not ours. */
bool replica_set_suspect(struct replica *replica, struct span name, const char *why);
bool replica_set_override(
    struct replica *replica, struct span name, const struct replica_override *override);
void replica_clear_overrides(struct replica *replica); /* and what is unclear */
void replica_set_unclear(struct replica *replica, bool unclear);
/* An override stays. */
void replica_remove_domain(struct replica *replica, struct span name);

/* An empty value removes it.  Who needs the former value finds it first. */
bool replica_put(
    struct replica *replica, enum replica_kind kind, struct span name, struct span value);
void replica_remove(struct replica *replica, enum replica_kind kind, struct span name);
/* PIN_NONE and an empty unit remove it, too. */
bool replica_put_pin(
    struct replica *replica, struct span name, enum pin_place place, int64_t until);
bool replica_put_unit(struct replica *replica, struct span recipient, struct span unit);
/* A list is there while it has members. */
bool replica_put_member(
    struct replica *replica, struct span domain, struct span list, struct span unit);
void replica_remove_member(
    struct replica *replica, struct span domain, struct span list, struct span unit);
/* False: not one line of printable ASCII, 1 to REPLICA_HOLD_TEXT_MAX octets; then nothing
 * is changed.  An empty text takes it out. */
bool replica_set_hold_text(struct replica *replica, struct span text);
void replica_set_loaded(struct replica *replica);

#endif
