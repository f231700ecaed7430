/*
 * hash - a keyed hash of octets (SipHash-2-4) for tables whose keys come from outside.
 *
 * Who does not know the key can't choose octets that meet.
 */
#ifndef SHARED_BASE_HASH_H
#define SHARED_BASE_HASH_H

#include "shared/base/span.h"

struct hash_key {
    uint64_t low;
    uint64_t high;
};

uint64_t hash_of(struct span data, struct hash_key key);

#endif
