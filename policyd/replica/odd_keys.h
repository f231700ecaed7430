/*
 * odd_keys - Redis keys that are not written canonically, by what they mean.
 *
 * `pin:Alice@Example.com` means the same as `pin:alice@example.com`.  Where both are
 * there the canonically written one counts; so to know what is in force, all of them have
 * to be read.  Only the odd ones are remembered.  Pure.
 */
#ifndef POLICYD_REPLICA_ODD_KEYS_H
#define POLICYD_REPLICA_ODD_KEYS_H

#include "shared/base/span.h"

enum { ODD_KEYS_READ = 16 }; /* more ways to write one key are not looked at */

struct odd_keys;

struct odd_keys *odd_keys_new(void);
void odd_keys_free(struct odd_keys *keys);

/* Both are whole keys without the prefix.  False: too many, or too long. */
bool odd_keys_add(struct odd_keys *keys, struct span canonical, struct span written);
void odd_keys_remove(struct odd_keys *keys, struct span canonical, struct span written);

/*
 * The keys that mean `canonical`, in the order in which they count: that of their octets,
 * the same on every gateway. Borrowed until the next change; gives how many.
 */
size_t odd_keys_sorted(const struct odd_keys *keys, struct span canonical,
    struct span sorted[ODD_KEYS_READ]);

/* What has odd keys at all, one a call; start with *cursor = 0, false after the last. */
bool odd_keys_next(const struct odd_keys *keys, uint64_t *cursor, struct span *canonical);

#endif
