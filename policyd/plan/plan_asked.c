#include "policyd/plan/plan_asked.h"

#include <stdlib.h>

#include "shared/base/allocate.h"

enum { ROOM_LEAST = 256 };

struct plan_asked_slot {
    uint64_t hash; /* 0: free */
    int64_t at_ms;
};

/* 0 is what a free slot has. */
static uint64_t
never_zero(uint64_t hash)
{
    return hash == 0 ? 1 : hash;
}

/* Its slot, or the free one where it belongs. */
static struct plan_asked_slot *
find(const struct plan_asked *asked, uint64_t hash)
{
    size_t at = (size_t)hash & (asked->room - 1);

    while (asked->slots[at].hash != 0 && asked->slots[at].hash != hash)
        at = (at + 1) & (asked->room - 1);
    return &asked->slots[at];
}

void
plan_asked_clear(struct plan_asked *asked)
{
    free(asked->slots);
    asked->slots = NULL;
    asked->room = 0;
    asked->used = 0;
}

static bool
is_kept(
    const struct plan_asked *asked, const struct plan_asked_slot *slot, int64_t now_ms)
{
    return slot->hash != 0 && slot->at_ms > now_ms - asked->keep_ms;
}

bool
plan_asked_has(const struct plan_asked *asked, uint64_t hash, int64_t now_ms)
{
    return asked->room > 0 && is_kept(asked, find(asked, never_zero(hash)), now_ms);
}

/* Those whose time is over go; at least half of the room is free afterwards. */
static void
tidy(struct plan_asked *asked, int64_t now_ms)
{
    struct plan_asked before = *asked;
    size_t kept = 0;

    for (size_t i = 0; i < before.room; i++)
        kept += is_kept(&before, &before.slots[i], now_ms);
    asked->room = ROOM_LEAST;
    while (asked->room < 4 * kept)
        asked->room *= 2;
    asked->slots = allocate_array(asked->room, sizeof(*asked->slots));
    asked->used = kept;
    for (size_t i = 0; i < before.room; i++) {
        if (is_kept(&before, &before.slots[i], now_ms))
            *find(asked, before.slots[i].hash) = before.slots[i];
    }
    free(before.slots);
}

bool
plan_asked_has_room(struct plan_asked *asked, int64_t now_ms)
{
    if (asked->used >= asked->most || 2 * asked->used >= asked->room)
        tidy(asked, now_ms);
    return asked->used < asked->most;
}

void
plan_asked_note(struct plan_asked *asked, uint64_t hash, int64_t now_ms)
{
    struct plan_asked_slot *slot;

    if (!plan_asked_has_room(asked, now_ms))
        return;
    slot = find(asked, never_zero(hash));
    asked->used += slot->hash == 0;
    slot->hash = never_zero(hash);
    slot->at_ms = now_ms;
}
