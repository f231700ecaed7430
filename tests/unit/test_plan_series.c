/*
 * What became of first attempts, by slots of time: places, sums, availability, peaks.
 */
#include "tests/unit/unit.h"

#include "policyd/plan/plan_series.h"
#include "shared/base/attributes.h"

#include <string.h>

enum { SLOT_MS = 60000, COUNTS_MAX = 8 };

#define START INT64_C(1790000040000)

static int64_t
at(int64_t slot)
{
    return START + slot * SLOT_MS;
}

static void
count(struct plan_series *series, int64_t time_ms, uint64_t ok, uint64_t fail)
{
    struct plan_slot *slot = plan_series_at(series, time_ms);

    assert_non_null(slot);
    slot->sides[SIDE_NEW].ok += ok;
    slot->sides[SIDE_NEW].fail += fail;
}

static void
keeps_slots_in_order(void **state)
{
    static const int64_t times[] = {
        30, 5, 20, 10, 0, 25, 15, 7, 29, 31, 1, 0, 30, 5, -3, 1000, -1};
    struct plan_series series = {.slot_ms = SLOT_MS};
    struct plan_counts sum;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(times); i++)
        count(&series, at(times[i]) + (int64_t)(i * 3000), 1, 0);
    assert_int_equal(series.count, ARRAY_LENGTH(times) - 3);
    for (size_t i = 1; i < series.count; i++)
        assert_true(series.slots[i - 1].start_ms < series.slots[i].start_ms);
    plan_series_sum(&series, SIDE_NEW, INT64_MIN, INT64_MAX, &sum);
    assert_int_equal(sum.ok, ARRAY_LENGTH(times));
    plan_series_clear(&series);
    assert_int_equal(series.slot_ms, SLOT_MS);
    plan_series_sum(&series, SIDE_NEW, INT64_MIN, INT64_MAX, &sum);
    assert_int_equal(sum.ok, 0);
    plan_series_clear(&series);
}

static void
begins_slots_where_all_do(void **state)
{
    static const struct {
        int64_t slot_ms;
        int64_t time_ms;
        int64_t wanted;
    } rows[] = {
        {60000, START, START},
        {60000, START + 59999, START},
        {60000, START - 1, START - 60000},
        {1000, START + 1999, START + 1000},
        {7000, 20000, 14000},
        {60000, -1, -60000},
        {60000, -60000, -60000},
        {60000, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plan_series series = {.slot_ms = rows[i].slot_ms};

        assert_int_equal(
            plan_series_at(&series, rows[i].time_ms)->start_ms, rows[i].wanted);
        plan_series_clear(&series);
    }
}

static void
sums_what_begins_in_between(void **state)
{
    static const struct {
        int64_t from;
        int64_t to;
        uint64_t wanted;
    } rows[] = {
        {0, 10, 1 + 2 + 4 + 8},
        {0, 9, 1 + 2 + 4},
        {1, 10, 2 + 4 + 8},
        {3, 4, 4},
        {4, 9, 0},
        {-100, 0, 0},
        {10, 100, 0},
        {9, 0, 0},
    };
    struct plan_series series = {.slot_ms = SLOT_MS};
    struct plan_counts sum;
    struct plan_slot *slot;

    (void)state;
    count(&series, at(0), 1, 0);
    count(&series, at(1), 2, 0);
    count(&series, at(3), 4, 0);
    count(&series, at(9), 8, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        plan_series_sum(&series, SIDE_NEW, at(rows[i].from), at(rows[i].to), &sum);
        if (sum.ok != rows[i].wanted)
            fail_msg("row %zu: %d", i, (int)sum.ok);
    }
    /* In the middle of a slot: that one began before. */
    plan_series_sum(&series, SIDE_NEW, at(0) + 1, at(9) + 1, &sum);
    assert_int_equal(sum.ok, 2 + 4 + 8);
    plan_series_sum(&series, SIDE_OLD, at(0), at(10), &sum);
    assert_int_equal(sum.ok, 0);
    slot = plan_series_at(&series, at(2));
    slot->sides[SIDE_OLD] = (struct plan_counts){1, 2, 3, 4, 5, 6, 7, 8};
    slot = plan_series_at(&series, at(3));
    slot->sides[SIDE_OLD] = (struct plan_counts){1, 2, 3, 4, 5, 6, 7, 8};
    plan_series_sum(&series, SIDE_OLD, at(0), at(10), &sum);
    assert_memory_equal(
        &sum, (&(struct plan_counts){2, 4, 6, 8, 10, 12, 14, 16}), sizeof(sum));
    plan_series_clear(&series);
}

static void
drops_what_began_before(void **state)
{
    static const struct {
        int64_t before_ms;
        size_t left;
    } rows[] = {
        {INT64_MIN, 10},
        {START, 10},
        {START + 1, 9},
        {START + 5 * SLOT_MS, 5},
        {INT64_MAX, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plan_series series = {.slot_ms = SLOT_MS};

        for (int64_t slot = 0; slot < 10; slot++)
            count(&series, at(slot), 1, 0);
        plan_series_drop(&series, rows[i].before_ms);
        assert_int_equal(series.count, rows[i].left);
        if (rows[i].left > 0)
            assert_int_equal(series.slots[0].start_ms, at(10 - (int64_t)rows[i].left));
        plan_series_clear(&series);
    }
}

static void
has_a_ceiling(void **state)
{
    struct plan_series series = {.slot_ms = 1000};

    (void)state;
    for (int64_t i = 0; i < PLAN_SLOTS_MAX; i++)
        (void)plan_series_at(&series, i * 1000);
    assert_int_equal(series.count, PLAN_SLOTS_MAX);
    assert_null(plan_series_at(&series, -1));
    assert_non_null(plan_series_at(&series, 0));
    /* A later one makes room for itself. */
    assert_int_equal(plan_series_at(&series, INT64_C(1000) * PLAN_SLOTS_MAX)->start_ms,
        INT64_C(1000) * PLAN_SLOTS_MAX);
    assert_true(series.count < PLAN_SLOTS_MAX);
    assert_true(series.slots[0].start_ms > 0);
    for (size_t i = 1; i < series.count; i++)
        assert_true(series.slots[i].start_ms == series.slots[i - 1].start_ms + 1000);
    plan_series_clear(&series);
}

static void
tells_availability(void **state)
{
    static const struct {
        const char *what;
        struct {
            uint64_t ok;
            uint64_t fail;
            enum plan_probe probe;
            bool absent;
        } slots[4];
        double wanted;
        uint64_t samples;
    } rows[] = {
        {"nothing",
            {{.absent = true}, {.absent = true}, {.absent = true}, {.absent = true}}, -1,
            0},
        {"zeroes", {{0}}, -1, 0},
        {"traffic", {{9, 1}, {10, 0}, {10, 0}, {10, 0}}, 0.975, 40},
        {"sums, not a mean of slots", {{99, 0}, {0, 99}, {99, 0}, {99, 0}}, 0.75, 396},
        {"few, and a good probe", {{0, 4, PLAN_PROBE_GOOD}, {0, 5, PLAN_PROBE_GOOD}}, 0.5,
            9},
        {"few, and a bad probe", {{4, 0, PLAN_PROBE_BAD}, {5, 0, PLAN_PROBE_BAD}}, 0.5,
            9},
        {"few, and no probe", {{3, 1}, {2, 2}}, 0.625, 8},
        {"too few at all, and no probe", {{0, 2}, {0, 2}}, -1, 4},
        {"as few as tell something", {{0, 2}, {0, 3}}, 0, 5},
        {"probes alone",
            {{0, 0, PLAN_PROBE_BAD}, {0, 0, PLAN_PROBE_GOOD}, {0, 0, PLAN_PROBE_BAD},
                {0, 0, PLAN_PROBE_BAD}},
            0.25, 0},
        {"an absent slot counts for nothing",
            {{5, 5}, {.absent = true}, {.absent = true}, {5, 5}}, 0.5, 20},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plan_series series = {.slot_ms = SLOT_MS};
        uint64_t samples = 99;
        double availability;

        /* Before, behind, and on the other side it is all bad. */
        count(&series, at(-1), 0, 1000);
        count(&series, at(4), 0, 1000);
        plan_series_at(&series, at(1))->sides[SIDE_OLD].fail = 1000;
        plan_series_at(&series, at(1))->probes[SIDE_OLD] = PLAN_PROBE_BAD;
        for (size_t n = 0; n < 4; n++) {
            if (rows[i].slots[n].absent)
                continue;
            count(&series, at((int64_t)n), rows[i].slots[n].ok, rows[i].slots[n].fail);
            plan_series_at(&series, at((int64_t)n))->probes[SIDE_NEW] =
                rows[i].slots[n].probe;
        }
        availability =
            plan_series_availability(&series, SIDE_NEW, at(0), at(4), &samples);
        if (availability != rows[i].wanted || samples != rows[i].samples)
            fail_msg("%s: %f of %d", rows[i].what, availability, (int)samples);
        /* Slots that aren't whole in it are none of it. */
        availability =
            plan_series_availability(&series, SIDE_NEW, at(0) - 1, at(5) - 1, &samples);
        assert_true(availability == rows[i].wanted);
        plan_series_clear(&series);
    }
}

static void
finds_the_first_bad_slot(void **state)
{
    struct plan_series series = {.slot_ms = SLOT_MS};

    (void)state;
    count(&series, at(0), 10, 0);
    count(&series, at(1), 0, 0);
    count(&series, at(2), 5, 5);
    plan_series_at(&series, at(3))->probes[SIDE_NEW] = PLAN_PROBE_BAD;
    count(&series, at(4), 0, 10);
    assert_int_equal(plan_series_first_bad(&series, SIDE_NEW, at(0), at(5), 0.95), at(3));
    assert_int_equal(plan_series_first_bad(&series, SIDE_NEW, at(0), at(5), 0.5), at(4));
    assert_int_equal(plan_series_first_bad(&series, SIDE_NEW, at(4), at(5), 0.5), at(5));
    assert_int_equal(plan_series_first_bad(&series, SIDE_NEW, at(0), at(3), 0.5), -1);
    assert_int_equal(plan_series_first_bad(&series, SIDE_NEW, at(4), at(5) - 1, 0.5), -1);
    assert_int_equal(plan_series_first_bad(&series, SIDE_OLD, at(0), at(5), 0.5), -1);
    plan_series_clear(&series);
}

static void
finds_the_peak_minute(void **state)
{
    static const struct {
        const char *what;
        int64_t slot_ms;
        int64_t from_ms; /* behind START */
        struct {
            int64_t at_ms;
            uint64_t ok;
        } slots[COUNTS_MAX];
        uint64_t wanted;
    } rows[] = {
        {"nothing", 60000, 0, {{0, 0}}, 0},
        {"minutes stand alone", 60000, 0, {{0, 10}, {60000, 30}, {120000, 20}}, 30},
        {"only from there on", 60000, 60000, {{0, 90}, {60000, 30}}, 30},
        {"seconds add up", 1000, 0, {{0, 10}, {1000, 10}, {59000, 10}}, 30},
        {"any sixty seconds", 1000, 0, {{30000, 10}, {89000, 10}, {90000, 30}}, 40},
        {"not sixty-one", 1000, 0, {{0, 10}, {60000, 10}}, 10},
        {"far apart", 1000, 0, {{0, 10}, {7200000, 9}}, 10},
        {"slots that are no part of a minute", 7000, 0, {{0, 1}, {56000, 1}, {63000, 1}},
            2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plan_series series = {.slot_ms = rows[i].slot_ms};
        /* So that 7 s slots begin there too. */
        int64_t start = START / 7000 / 60 * 7000 * 60;

        for (size_t n = 0; n < COUNTS_MAX && rows[i].slots[n].ok > 0; n++)
            count(&series, start + rows[i].slots[n].at_ms, rows[i].slots[n].ok, 1000);
        if (plan_series_peak(&series, SIDE_NEW, start + rows[i].from_ms) !=
            rows[i].wanted)
            fail_msg("%s", rows[i].what);
        assert_int_equal(plan_series_peak(&series, SIDE_OLD, start), 0);
        plan_series_clear(&series);
    }
}

static void
tells_success(void **state)
{
    (void)state;
    assert_true(plan_counts_success(&(struct plan_counts){0}) == -1);
    assert_true(plan_counts_success(&(struct plan_counts){.neutral = 5}) == -1);
    assert_true(plan_counts_success(&(struct plan_counts){.ok = 3, .fail = 1}) == 0.75);
    assert_true(plan_counts_success(&(struct plan_counts){.fail = 1}) == 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_slots_in_order),
        cmocka_unit_test(begins_slots_where_all_do),
        cmocka_unit_test(sums_what_begins_in_between),
        cmocka_unit_test(drops_what_began_before),
        cmocka_unit_test(has_a_ceiling),
        cmocka_unit_test(tells_availability),
        cmocka_unit_test(finds_the_first_bad_slot),
        cmocka_unit_test(finds_the_peak_minute),
        cmocka_unit_test(tells_success),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
