#include "policyd/plan/plan_series.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"

static const int64_t minute_ms = 60000;

/* Of the series' slot, and below where it is negative. */
static int64_t
start_of(const struct plan_series *series, int64_t time_ms)
{
    int64_t within = time_ms % series->slot_ms;

    return time_ms - within - (within < 0 ? series->slot_ms : 0);
}

/* The first slot that does not begin before that. */
static size_t
find(const struct plan_series *series, int64_t from_ms)
{
    size_t low = 0;
    size_t high = series->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (series->slots[middle].start_ms < from_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void
drop_first(struct plan_series *series, size_t count)
{
    if (count == 0)
        return;
    series->count -= count;
    memmove(series->slots, series->slots + count, series->count * sizeof(*series->slots));
}

void
plan_series_clear(struct plan_series *series)
{
    free(series->slots);
    *series = (struct plan_series){.slot_ms = series->slot_ms};
}

struct plan_slot *
plan_series_at(struct plan_series *series, int64_t time_ms)
{
    int64_t start;
    size_t at;

    assert(series->slot_ms > 0);
    start = start_of(series, time_ms);
    at = find(series, start);
    if (at < series->count && series->slots[at].start_ms == start)
        return &series->slots[at];
    if (series->count == PLAN_SLOTS_MAX) {
        if (at == 0)
            return NULL;
        /* Many at once, so that it isn't all moved for each. */
        drop_first(series, PLAN_SLOTS_MAX / 16);
        at = find(series, start);
    }
    series->slots = allocate_more(
        series->slots, series->count, &series->room, sizeof(*series->slots));
    memmove(series->slots + at + 1, series->slots + at,
        (series->count - at) * sizeof(*series->slots));
    series->count++;
    series->slots[at] = (struct plan_slot){.start_ms = start};
    return &series->slots[at];
}

void
plan_series_drop(struct plan_series *series, int64_t before_ms)
{
    drop_first(series, find(series, before_ms));
}

void
plan_series_sum(const struct plan_series *series, enum domain_side side, int64_t from_ms,
    int64_t to_ms, struct plan_counts *sum)
{
    size_t end = find(series, to_ms);

    *sum = (struct plan_counts){0};
    for (size_t i = find(series, from_ms); i < end; i++) {
        const struct plan_counts *counts = &series->slots[i].sides[side];

        sum->ok += counts->ok;
        sum->fail += counts->fail;
        sum->neutral += counts->neutral;
        sum->rejected += counts->rejected;
        sum->unknown += counts->unknown;
        sum->toobig += counts->toobig;
        sum->delay_ms += counts->delay_ms;
        sum->delay_count += counts->delay_count;
    }
}

double
plan_counts_success(const struct plan_counts *counts)
{
    double all = (double)counts->ok + (double)counts->fail;

    return all == 0 ? -1 : (double)counts->ok / all;
}

/* What a slot counts as. */
static void
weigh(const struct plan_slot *slot, enum domain_side side, uint64_t *ok, uint64_t *all)
{
    const struct plan_counts *counts = &slot->sides[side];
    enum plan_probe probe = slot->probes[side];

    *ok = counts->ok;
    *all = counts->ok + counts->fail;
    if (*all >= PLAN_SLOT_LEAST || probe == PLAN_PROBE_NONE)
        return;
    *all = PLAN_SLOT_LEAST;
    *ok = probe == PLAN_PROBE_GOOD ? PLAN_SLOT_LEAST : 0;
}

double
plan_series_availability(const struct plan_series *series, enum domain_side side,
    int64_t from_ms, int64_t to_ms, uint64_t *samples)
{
    double good = 0;
    double weight = 0;

    *samples = 0;
    for (size_t i = find(series, from_ms);
         i < series->count && series->slots[i].start_ms + series->slot_ms <= to_ms; i++) {
        const struct plan_slot *slot = &series->slots[i];
        uint64_t ok;
        uint64_t all;

        weigh(slot, side, &ok, &all);
        good += (double)ok;
        weight += (double)all;
        *samples += slot->sides[side].ok + slot->sides[side].fail;
    }
    return weight < PLAN_SLOT_LEAST ? -1 : good / weight;
}

int64_t
plan_series_first_bad(const struct plan_series *series, enum domain_side side,
    int64_t from_ms, int64_t to_ms, double below)
{
    for (size_t i = find(series, from_ms);
         i < series->count && series->slots[i].start_ms + series->slot_ms <= to_ms; i++) {
        uint64_t ok;
        uint64_t all;

        weigh(&series->slots[i], side, &ok, &all);
        if (all > 0 && (double)ok < below * (double)all)
            return series->slots[i].start_ms + series->slot_ms;
    }
    return -1;
}

uint64_t
plan_series_peak(const struct plan_series *series, enum domain_side side, int64_t from_ms)
{
    size_t first = find(series, from_ms);
    uint64_t in_minute = 0;
    uint64_t peak = 0;

    for (size_t i = first; i < series->count; i++) {
        in_minute += series->slots[i].sides[side].ok;
        while (series->slots[first].start_ms + minute_ms <= series->slots[i].start_ms)
            in_minute -= series->slots[first++].sides[side].ok;
        if (in_minute > peak)
            peak = in_minute;
    }
    return peak;
}
