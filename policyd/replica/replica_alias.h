/*
 * replica_alias - Redis keys that are not written canonically, by what they mean.
 *
 * `pin:Alice@Example.com` means the same as `pin:alice@example.com`.  Where both are
 * there the canonically written one counts; so to know what is in force, all of them have
 * to be read.  Only the odd ones are remembered.  Pure.
 */
#ifndef POLICYD_REPLICA_REPLICA_ALIAS_H
#define POLICYD_REPLICA_REPLICA_ALIAS_H

#include "shared/base/span.h"

enum { REPLICA_ALIASES_READ = 16 }; /* more ways to write one key are not looked at */

struct replica_aliases;

struct replica_aliases *replica_alias_new(void);
void replica_alias_free(struct replica_aliases *aliases);

/* Both are whole keys without the prefix.  False: too many, or too long. */
bool replica_alias_add(
    struct replica_aliases *aliases, struct span canonical, struct span written);
void replica_alias_remove(
    struct replica_aliases *aliases, struct span canonical, struct span written);

/*
 * The keys that mean `canonical`, in the order in which they count: that of their octets,
 * the same on every gateway. Borrowed until the next change; gives how many.
 */
size_t replica_alias_sorted(const struct replica_aliases *aliases, struct span canonical,
    struct span sorted[REPLICA_ALIASES_READ]);

/* What has odd keys at all, one a call; start with *cursor = 0, false after the last. */
bool replica_alias_next(
    const struct replica_aliases *aliases, uint64_t *cursor, struct span *canonical);

#endif
