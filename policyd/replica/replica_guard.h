/*
 * replica_guard - what losses mean: a single deletion is an order, many at once are an
 * accident.
 *
 * Eviction, EXPIRE, RENAME, a flush and a partial restore all look like deletions.  Pins
 * and units that go are remembered for 60 s; when more than 100 and more than 1 % of them
 * went within that time, or when a domain goes, all that is remembered is put back.  What
 * comes back by itself is no loss any more.  Pure: the time is given.
 */
#ifndef POLICYD_REPLICA_REPLICA_GUARD_H
#define POLICYD_REPLICA_REPLICA_GUARD_H

#include "policyd/replica/replica.h"

enum { REPLICA_GUARD_WINDOW_MS = 60 * 1000, REPLICA_GUARD_LEAST = 100 };

/* More than 100 and more than 1 % of what was there. */
bool replica_guard_too_many(size_t lost, size_t total);

struct replica_guard;

struct replica_guard *replica_guard_new(void);
void replica_guard_free(struct replica_guard *guard);

/*
 * The pin (or unit) of this name is about to be removed from the replica.  True: it may,
 * and is remembered. False: that is one too many; it stays, and the caller restores the
 * others.
 */
bool replica_guard_may_lose(struct replica_guard *guard, const struct replica *replica,
    enum replica_kind kind, struct span name, uint64_t now_ms);

/* It was written again. */
void replica_guard_found(
    struct replica_guard *guard, enum replica_kind kind, struct span name);

/*
 * Puts back what went within the window, but for what is there again, and forgets all of
 * it.  `restored` (may be NULL) is told each name; gives how many came back.
 */
size_t replica_guard_restore(struct replica_guard *guard, struct replica *replica,
    uint64_t now_ms, void (*restored)(void *argument, struct span name), void *argument);

/* The losses were meant. */
void replica_guard_forget(struct replica_guard *guard);

/* What is remembered now. */
size_t replica_guard_lost(
    struct replica_guard *guard, enum replica_kind kind, uint64_t now_ms);

#endif
