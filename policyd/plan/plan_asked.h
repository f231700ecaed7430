/*
 * plan_asked - which addresses were asked about within the last hour, by keyed hash.
 * Pure; memory is bounded.
 */
#ifndef POLICYD_PLAN_PLAN_ASKED_H
#define POLICYD_PLAN_PLAN_ASKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed but for the first two: none. */
struct plan_asked {
    size_t most;
    int64_t keep_ms;
    struct plan_asked_slot *slots;
    size_t room; /* a power of two */
    size_t used; /* those whose time is over included */
};

void plan_asked_clear(struct plan_asked *asked);

bool plan_asked_has(const struct plan_asked *asked, uint64_t hash, int64_t now_ms);

bool plan_asked_has_room(struct plan_asked *asked, int64_t now_ms);

/* Without room it isn't noted. */
void plan_asked_note(struct plan_asked *asked, uint64_t hash, int64_t now_ms);

#endif
