#include "policyd/replica/odd_keys.h"

#include <stdlib.h>

#include "policyd/replica/replica.h"
#include "shared/base/allocate.h"

/*
 * A replica's lists are just what is needed: many small sets of names, by name.  The
 * canonical key is the list's domain, the keys that mean it are the members.
 */
struct odd_keys {
    struct replica *table;
};

static const struct span list = {"odd", 3};

struct odd_keys *
odd_keys_new(void)
{
    struct odd_keys *keys = allocate(sizeof(*keys));

    keys->table = replica_new();
    return keys;
}

void
odd_keys_free(struct odd_keys *keys)
{
    if (keys == NULL)
        return;
    replica_free(keys->table);
    free(keys);
}

bool
odd_keys_add(struct odd_keys *keys, struct span canonical, struct span written)
{
    return replica_put_member(keys->table, canonical, list, written);
}

void
odd_keys_remove(struct odd_keys *keys, struct span canonical, struct span written)
{
    replica_remove_member(keys->table, canonical, list, written);
}

/* Into its place among at most ODD_KEYS_READ, the last one falls out. */
static void
insert_sorted(struct span *sorted, size_t *count, struct span written)
{
    size_t at = *count;

    while (at > 0 && span_compare(written, sorted[at - 1]) < 0) {
        if (at < ODD_KEYS_READ)
            sorted[at] = sorted[at - 1];
        at--;
    }
    if (at == ODD_KEYS_READ)
        return;
    sorted[at] = written;
    if (*count < ODD_KEYS_READ)
        (*count)++;
}

size_t
odd_keys_sorted(
    const struct odd_keys *keys, struct span canonical, struct span sorted[ODD_KEYS_READ])
{
    struct span written;
    uint64_t cursor = 0;
    size_t count = 0;

    while (replica_next_member(keys->table, canonical, list, &cursor, &written))
        insert_sorted(sorted, &count, written);
    return count;
}

bool
odd_keys_next(const struct odd_keys *keys, uint64_t *cursor, struct span *canonical)
{
    struct span name;
    size_t count;

    return replica_next_list(keys->table, cursor, canonical, &name, &count);
}
