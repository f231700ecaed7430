#include "policyd/replica/replica_guard.h"

#include "shared/base/allocate.h"
#include "shared/base/hash.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096 };

/* One a name: the limit bounds them to 100, or 1 % of the entries, of each kind. */
struct loss {
    struct loss *older; /* by time */
    struct loss *newer;
    struct loss *chain; /* in its bucket */
    uint64_t time_ms;
    enum replica_kind kind;
    size_t name_length;
    size_t value_length;
    char text[]; /* the name, then the value */
};

struct replica_guard {
    struct loss *oldest;
    struct loss *newest;
    size_t counts[REPLICA_KINDS];
    struct loss *buckets[BUCKETS];
};

static struct span
loss_name(const struct loss *loss)
{
    return span_make(loss->text, loss->name_length);
}

static size_t
bucket_number(enum replica_kind kind, struct span name)
{
    return hash_of(name, (struct hash_key){.low = kind}) % BUCKETS;
}

/* The pointer that leads to it, or to the NULL at the end of its bucket. */
static struct loss **
find_loss(struct replica_guard *guard, enum replica_kind kind, struct span name)
{
    struct loss **link = &guard->buckets[bucket_number(kind, name)];

    while (
        *link != NULL && ((*link)->kind != kind || !span_equal(loss_name(*link), name)))
        link = &(*link)->chain;
    return link;
}

static void
drop_loss(struct replica_guard *guard, struct loss **link)
{
    struct loss *loss = *link;

    *link = loss->chain;
    *(loss->older == NULL ? &guard->oldest : &loss->older->newer) = loss->newer;
    *(loss->newer == NULL ? &guard->newest : &loss->newer->older) = loss->older;
    guard->counts[loss->kind]--;
    free(loss);
}

static void
drop_named(struct replica_guard *guard, enum replica_kind kind, struct span name)
{
    struct loss **link = find_loss(guard, kind, name);

    if (*link != NULL)
        drop_loss(guard, link);
}

static void
drop_old(struct replica_guard *guard, uint64_t now_ms)
{
    while (guard->oldest != NULL &&
           now_ms - guard->oldest->time_ms > REPLICA_GUARD_WINDOW_MS)
        drop_named(guard, guard->oldest->kind, loss_name(guard->oldest));
}

static void
remember(struct replica_guard *guard, enum replica_kind kind, struct span name,
    struct span value, uint64_t now_ms)
{
    struct loss *loss = allocate(sizeof(*loss) + name.length + value.length);
    struct loss **link = find_loss(guard, kind, name);

    loss->time_ms = now_ms;
    loss->kind = kind;
    loss->name_length = name.length;
    loss->value_length = value.length;
    memcpy(loss->text, name.data, name.length);
    memcpy(loss->text + name.length, value.data, value.length);
    *link = loss;
    loss->older = guard->newest;
    *(loss->older == NULL ? &guard->oldest : &loss->older->newer) = loss;
    guard->newest = loss;
    guard->counts[kind]++;
}

static bool
put_back(struct replica *replica, const struct loss *loss)
{
    struct span value;

    return !replica_find(replica, loss->kind, loss_name(loss), &value) &&
           replica_put(replica, loss->kind, loss_name(loss),
               span_make(loss->text + loss->name_length, loss->value_length));
}

bool
replica_guard_too_many(size_t lost, size_t total)
{
    return lost > REPLICA_GUARD_LEAST && lost > total / 100;
}

struct replica_guard *
replica_guard_new(void)
{
    struct replica_guard *guard = allocate(sizeof(*guard));

    return guard;
}

void
replica_guard_free(struct replica_guard *guard)
{
    if (guard == NULL)
        return;
    replica_guard_forget(guard);
    free(guard);
}

bool
replica_guard_may_lose(struct replica_guard *guard, const struct replica *replica,
    enum replica_kind kind, struct span name, uint64_t now_ms)
{
    struct span value;

    if (!replica_find(replica, kind, name, &value))
        return true;
    drop_old(guard, now_ms);
    drop_named(guard, kind, name);
    if (replica_guard_too_many(
            guard->counts[kind] + 1, replica_count(replica, kind) + guard->counts[kind]))
        return false;
    remember(guard, kind, name, value, now_ms);
    return true;
}

void
replica_guard_found(struct replica_guard *guard, enum replica_kind kind, struct span name)
{
    if (guard->counts[kind] > 0)
        drop_named(guard, kind, name);
}

size_t
replica_guard_restore(struct replica_guard *guard, struct replica *replica,
    uint64_t now_ms, void (*restored)(void *argument, struct span name), void *argument)
{
    size_t count = 0;

    drop_old(guard, now_ms);
    for (const struct loss *loss = guard->oldest; loss != NULL; loss = loss->newer) {
        if (!put_back(replica, loss))
            continue;
        count++;
        if (restored != NULL)
            restored(argument, loss_name(loss));
    }
    replica_guard_forget(guard);
    return count;
}

void
replica_guard_forget(struct replica_guard *guard)
{
    while (guard->oldest != NULL)
        drop_named(guard, guard->oldest->kind, loss_name(guard->oldest));
}

size_t
replica_guard_lost(struct replica_guard *guard, enum replica_kind kind, uint64_t now_ms)
{
    drop_old(guard, now_ms);
    return guard->counts[kind];
}
