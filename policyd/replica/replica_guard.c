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
    bool is_unit;
    enum pin_place place;
    int64_t until;
    size_t name_length;
    size_t unit_length;
    char text[]; /* the name, then the unit */
};

struct replica_guard {
    struct loss *oldest;
    struct loss *newest;
    size_t pins;
    size_t units;
    struct loss *buckets[BUCKETS];
};

static struct span
loss_name(const struct loss *loss)
{
    return span_make(loss->text, loss->name_length);
}

static size_t
bucket_number(bool is_unit, struct span name)
{
    return hash_of(name, (struct hash_key){.low = is_unit}) % BUCKETS;
}

/* The pointer that leads to it, or to the NULL at the end of its bucket. */
static struct loss **
find_loss(struct replica_guard *guard, bool is_unit, struct span name)
{
    struct loss **link = &guard->buckets[bucket_number(is_unit, name)];

    while (*link != NULL &&
           ((*link)->is_unit != is_unit || !span_equal(loss_name(*link), name)))
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
    if (loss->is_unit)
        guard->units--;
    else
        guard->pins--;
    free(loss);
}

static void
drop_named(struct replica_guard *guard, bool is_unit, struct span name)
{
    struct loss **link = find_loss(guard, is_unit, name);

    if (*link != NULL)
        drop_loss(guard, link);
}

static void
drop_old(struct replica_guard *guard, uint64_t now_ms)
{
    while (guard->oldest != NULL &&
           now_ms - guard->oldest->time_ms > REPLICA_GUARD_WINDOW_MS)
        drop_named(guard, guard->oldest->is_unit, loss_name(guard->oldest));
}

static struct loss *
remember(struct replica_guard *guard, bool is_unit, struct span name, struct span unit,
    uint64_t now_ms)
{
    struct loss *loss = allocate(sizeof(*loss) + name.length + unit.length);
    struct loss **link = find_loss(guard, is_unit, name);

    loss->time_ms = now_ms;
    loss->is_unit = is_unit;
    loss->name_length = name.length;
    loss->unit_length = unit.length;
    memcpy(loss->text, name.data, name.length);
    if (unit.length > 0)
        memcpy(loss->text + name.length, unit.data, unit.length);
    *link = loss;
    loss->older = guard->newest;
    *(loss->older == NULL ? &guard->oldest : &loss->older->newer) = loss;
    guard->newest = loss;
    return loss;
}

static bool
put_back(struct replica *replica, const struct loss *loss)
{
    struct pin pin;

    if (loss->is_unit)
        return replica_find_unit(replica, loss_name(loss)).length == 0 &&
               replica_put_unit(replica, loss_name(loss),
                   span_make(loss->text + loss->name_length, loss->unit_length));
    return !replica_find_pin(replica, loss_name(loss), &pin) &&
           replica_put_pin(replica, loss_name(loss), loss->place, loss->until);
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
replica_guard_may_lose_pin(struct replica_guard *guard, const struct replica *replica,
    struct span name, uint64_t now_ms)
{
    struct pin pin;
    struct loss *loss;

    if (!replica_find_pin(replica, name, &pin))
        return true;
    drop_old(guard, now_ms);
    drop_named(guard, false, name);
    if (replica_guard_too_many(guard->pins + 1, replica_pin_count(replica) + guard->pins))
        return false;
    loss = remember(guard, false, name, span_of(""), now_ms);
    loss->place = pin.place;
    loss->until = pin.until;
    guard->pins++;
    return true;
}

bool
replica_guard_may_lose_unit(struct replica_guard *guard, const struct replica *replica,
    struct span recipient, uint64_t now_ms)
{
    struct span unit = replica_find_unit(replica, recipient);

    if (unit.length == 0)
        return true;
    drop_old(guard, now_ms);
    drop_named(guard, true, recipient);
    if (replica_guard_too_many(
            guard->units + 1, replica_unit_count(replica) + guard->units))
        return false;
    remember(guard, true, recipient, unit, now_ms);
    guard->units++;
    return true;
}

void
replica_guard_found_pin(struct replica_guard *guard, struct span name)
{
    if (guard->pins > 0)
        drop_named(guard, false, name);
}

void
replica_guard_found_unit(struct replica_guard *guard, struct span recipient)
{
    if (guard->units > 0)
        drop_named(guard, true, recipient);
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
        drop_named(guard, guard->oldest->is_unit, loss_name(guard->oldest));
}

size_t
replica_guard_lost_pins(struct replica_guard *guard, uint64_t now_ms)
{
    drop_old(guard, now_ms);
    return guard->pins;
}

size_t
replica_guard_lost_units(struct replica_guard *guard, uint64_t now_ms)
{
    drop_old(guard, now_ms);
    return guard->units;
}
