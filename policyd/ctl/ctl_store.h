/*
 * ctl_store - what postshiftctl reads from Redis.
 *
 * Results live in ctl's arena unless another is given.  False with an error: Redis can't
 * be asked any more; what it merely doesn't have is a value.
 */
#ifndef POLICYD_CTL_CTL_STORE_H
#define POLICYD_CTL_CTL_STORE_H

#include "policyd/ctl/ctl.h"
#include "policyd/state/domain_state.h"
#include "policyd/state/recipient.h"

/* Opens the connection where it isn't yet. */
bool ctl_store_open(struct ctl *ctl, struct error *error);

/* Says that Redis can't be asked, and what can be done; gives the exit code. */
int ctl_store_fail(const struct ctl *ctl, const struct error *error);

/* "cutover:" and so on, in the arena. */
struct span ctl_store_key(
    const struct ctl *ctl, struct arena *arena, const char *kind, struct span name);

/* A hash as it stands there. */
struct ctl_hash {
    struct span key;
    struct domain_field *fields;
    size_t count;    /* 0: there is none */
    bool is_no_hash; /* a value of another type has its place */
};

bool ctl_store_hash(
    struct ctl *ctl, struct span key, struct ctl_hash *hash, struct error *error);

/* The same of a large one, field by field; some may be given twice.  Borrowed for the
 * call.
 */
bool ctl_store_fields(struct ctl *ctl, struct span key,
    void (*take)(void *argument, struct span name, struct span value), void *argument,
    struct error *error);

/* "" where it is not there. */
struct span ctl_hash_value(const struct ctl_hash *hash, const char *name);

/* A domain's hash as it stands there, and what policyd would make of it. */
struct ctl_domain {
    struct span name;
    struct domain_field *fields;
    size_t count;               /* 0: there is none */
    struct domain_state *state; /* NULL: none, or bad */
    struct domain_problem problem;
    bool is_no_hash; /* a value of another type has its place */
};

bool ctl_store_domain(
    struct ctl *ctl, struct span name, struct ctl_domain *domain, struct error *error);
void ctl_domain_clear(struct ctl_domain *domain);

/* A string's value; *found false where there is none or it is of another type. */
bool ctl_store_value(struct ctl *ctl, struct span key, struct span *value, bool *found,
    struct error *error);

/* Many at once; values[i].data is NULL where there is none. */
bool ctl_store_values(struct ctl *ctl, struct arena *arena, const struct span *keys,
    size_t count, struct span *values, struct error *error);

/*
 * Goes through all keys that match the pattern (a part behind the prefix, glob characters
 * of `name` escaped by the caller), in bunches; each is given without the prefix.  Some
 * may be given twice.
 */
typedef bool ctl_store_key_callback(
    void *argument, struct span name, struct error *error);
bool ctl_store_scan(struct ctl *ctl, const char *pattern,
    ctl_store_key_callback *callback, void *argument, struct error *error);

/* Members of a set: all of them, given one by one; and how many there are. */
bool ctl_store_members(struct ctl *ctl, struct span key, ctl_store_key_callback *callback,
    void *argument, struct error *error);
bool ctl_store_member_count(
    struct ctl *ctl, struct span key, uint64_t *count, struct error *error);

/* An address or domain of the command line; NULL: said so. */
const char *ctl_store_canonical_domain(struct ctl *ctl, const char *text);
bool ctl_store_canonical_recipient(
    const struct ctl *ctl, struct span text, struct recipient *recipient);

/* What a pin may stand on: a canonical recipient, or a unit's name as it is; the empty
 * span where it is neither. */
struct span ctl_store_canonical_unit(
    struct ctl *ctl, struct arena *arena, struct span text);

/*
 * Where an address's domain is same_as another, pins and units are looked up under that
 * one: brings a canonical name there.  Each domain is asked for once.
 */
bool ctl_store_follow(struct ctl *ctl, struct span *name, struct error *error);

#endif
