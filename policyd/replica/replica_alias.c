#include "policyd/replica/replica_alias.h"

#include <stdlib.h>

#include "policyd/replica/replica.h"
#include "shared/base/allocate.h"

/*
 * A replica's lists are just what is needed: many small sets of names, by name.  The
 * canonical key is the list's domain, the keys that mean it are the members.
 */
struct replica_aliases {
    struct replica *table;
};

static const struct span list = {"aliases", 7};

struct replica_aliases *
replica_alias_new(void)
{
    struct replica_aliases *aliases = allocate(sizeof(*aliases));

    aliases->table = replica_new();
    return aliases;
}

void
replica_alias_free(struct replica_aliases *aliases)
{
    if (aliases == NULL)
        return;
    replica_free(aliases->table);
    free(aliases);
}

bool
replica_alias_add(
    struct replica_aliases *aliases, struct span canonical, struct span written)
{
    return replica_put_member(aliases->table, canonical, list, written);
}

void
replica_alias_remove(
    struct replica_aliases *aliases, struct span canonical, struct span written)
{
    replica_remove_member(aliases->table, canonical, list, written);
}

/* Into its place among at most REPLICA_ALIASES_READ, the last one falls out. */
static void
insert_sorted(struct span *sorted, size_t *count, struct span written)
{
    size_t at = *count;

    while (at > 0 && span_compare(written, sorted[at - 1]) < 0) {
        if (at < REPLICA_ALIASES_READ)
            sorted[at] = sorted[at - 1];
        at--;
    }
    if (at == REPLICA_ALIASES_READ)
        return;
    sorted[at] = written;
    if (*count < REPLICA_ALIASES_READ)
        (*count)++;
}

size_t
replica_alias_sorted(const struct replica_aliases *aliases, struct span canonical,
    struct span sorted[REPLICA_ALIASES_READ])
{
    struct span written;
    uint64_t cursor = 0;
    size_t count = 0;

    while (replica_next_member(aliases->table, canonical, list, &cursor, &written))
        insert_sorted(sorted, &count, written);
    return count;
}

bool
replica_alias_next(
    const struct replica_aliases *aliases, uint64_t *cursor, struct span *canonical)
{
    struct span name;
    size_t count;

    return replica_next_list(aliases->table, cursor, canonical, &name, &count);
}
