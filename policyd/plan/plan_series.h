/*
 * plan_series - what became of first attempts on both sides, by slots of time, and sums
 * over windows of it.  Pure.
 */
#ifndef POLICYD_PLAN_PLAN_SERIES_H
#define POLICYD_PLAN_PLAN_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policyd/state/domain_state.h"

enum {
    PLAN_SLOT_LEAST = 5,                   /* fewer samples of a slot: the probe speaks */
    PLAN_SUCCESS_MS = 24 * 60 * 60 * 1000, /* success is counted over at most so long */
    PLAN_FORECAST_MS = 60 * 60 * 1000,     /* forecasts are made from the last hour */
    PLAN_SLOTS_MAX = 120000,               /* then the oldest go */
};

/* Sums of 64 bits: who fills them in caps what came from outside (2^53 a field is far
 * enough). The fields of stat:<domain>:<backend>:<slot>. */
struct plan_counts {
    uint64_t ok;
    uint64_t fail;
    uint64_t neutral;
    uint64_t rejected;
    uint64_t unknown;
    uint64_t toobig;
    uint64_t delay_ms;
    uint64_t delay_count;
};

enum plan_probe { PLAN_PROBE_NONE, PLAN_PROBE_GOOD, PLAN_PROBE_BAD };

struct plan_slot {
    int64_t start_ms;                       /* unix time */
    struct plan_counts sides[DOMAIN_SIDES]; /* SIDE_OLD, SIDE_NEW */
    enum plan_probe probes[DOMAIN_SIDES];   /* the last result in the slot */
};

struct plan_series {
    int64_t slot_ms;
    struct plan_slot
        *slots; /* ascending by start; a slot without anything may be absent */
    size_t count;
    size_t room;
};

void plan_series_clear(struct plan_series *series);

/* The slot that has `time_ms` in it, made where it is absent; NULL where it is older than
 * all there is room for.  It may move with the next one that is made. */
struct plan_slot *plan_series_at(struct plan_series *series, int64_t time_ms);

/* What began before that goes. */
void plan_series_drop(struct plan_series *series, int64_t before_ms);

/* Slots that begin in [from, to). */
void plan_series_sum(const struct plan_series *series, enum domain_side side,
    int64_t from_ms, int64_t to_ms, struct plan_counts *sum);

/* ok/(ok+fail), 0..1; -1 without either. */
double plan_counts_success(const struct plan_counts *counts);

/* The same over whole slots of [from, to), where a slot of fewer than PLAN_SLOT_LEAST
 * samples counts as that many by its probe; where that says nothing, as it is; -1: fewer
 * than PLAN_SLOT_LEAST in all, so nothing to go by.  *samples: real ones. */
double plan_series_availability(const struct plan_series *series, enum domain_side side,
    int64_t from_ms, int64_t to_ms, uint64_t *samples);

/* The end of the first of these slots whose own availability is below that (0..1); -1:
 * none. */
int64_t plan_series_first_bad(const struct plan_series *series, enum domain_side side,
    int64_t from_ms, int64_t to_ms, double below);

/* The most deliveries (ok) of any sixty seconds, by the slots that begin in them, from
 * there on. */
uint64_t plan_series_peak(
    const struct plan_series *series, enum domain_side side, int64_t from_ms);

#endif
