/*
 * The judge: its vectors, how often it errs, how soon it finds, and what it takes as one
 * event.
 */
#include "tests/unit/unit.h"

#include "policyd/plan/plan_judge.h"
#include "shared/base/attributes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60000, RUNS = 1000 };

/* splitmix64: the same numbers everywhere, from a seed. */
static double
draw(uint64_t *seed)
{
    uint64_t mixed = (*seed += UINT64_C(0x9e3779b97f4a7c15));

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((mixed ^ (mixed >> 31)) >> 11) / 9007199254740992.0;
}

static bool
is_near(double number, double wanted)
{
    return fabs(number - wanted) < 0.0000005;
}

static void
gives_the_vectors(void **state)
{
    static const struct {
        const char *who; /* of each failure: n or o */
        double shares[10];
        double worse;
        double fine;
    } rows[] = {
        {"n", {0.3}, 2.255552, 0.650000},
        {"o", {0.3}, 0.461906, 1.300000},
        {"nnnnn", {0.3, 0.3, 0.3, 0.3, 0.3}, 108.996389, 0.116029},
        {"nnon", {0.3, 0.3, 0.5, 0.7}, 1.657434, 0.538687},
        {"nnnooooooo", {0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3}, 0.249275,
            1.723231},
        {"", {0}, 1, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct judge judge = {0};

        for (size_t n = 0; n < strlen(rows[i].who); n++)
            judge_failure(&judge, rows[i].who[n] == 'n', rows[i].shares[n]);
        if (!is_near(judge_worse(&judge), rows[i].worse) ||
            !is_near(judge_fine(&judge), rows[i].fine))
            fail_msg("%s: %f %f", rows[i].who, judge_worse(&judge), judge_fine(&judge));
        assert_int_equal(judge.failures[0] + judge.failures[1], strlen(rows[i].who));
    }
}

static void
learns_nothing_without_two_sides(void **state)
{
    static const double shares[] = {-1, 0, 0.0199, 0.9801, 1, 2, NAN, INFINITY};
    static const struct judge none = {0};
    struct judge judge = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(shares); i++) {
        judge_failure(&judge, true, shares[i]);
        judge_failure(&judge, false, shares[i]);
    }
    assert_memory_equal(&judge, &none, sizeof(judge));
    judge_failure(&judge, true, 0.02);
    judge_failure(&judge, false, 0.98);
    assert_int_equal(judge.failures[0], 1);
    assert_int_equal(judge.failures[1], 1);
}

static void
answers_at_twenty(void **state)
{
    struct judge judge = {0};

    (void)state;
    assert_int_equal(judge_answer(&judge), JUDGE_NOT_YET);
    for (size_t i = 0; i < 3; i++)
        judge_failure(&judge, true, 0.3);
    assert_true(judge_worse(&judge) < 20);
    assert_int_equal(judge_answer(&judge), JUDGE_NOT_YET);
    judge_failure(&judge, true, 0.3);
    assert_true(judge_worse(&judge) >= 20);
    assert_int_equal(judge_answer(&judge), JUDGE_WORSE);

    judge = (struct judge){0};
    for (size_t i = 0; i < 11; i++)
        judge_failure(&judge, false, 0.3);
    assert_int_equal(judge_answer(&judge), JUDGE_NOT_YET); /* 1.3^11 = 17.9 */
    judge_failure(&judge, false, 0.3);
    assert_int_equal(judge_answer(&judge), JUDGE_FINE);
    judge.worse[3] = 10; /* both: worse goes before */
    assert_int_equal(judge_answer(&judge), JUDGE_WORSE);
}

static void
bears_a_million_failures(void **state)
{
    struct judge judge = {0};

    (void)state;
    for (size_t i = 0; i < 1000000; i++)
        judge_failure(&judge, true, 0.02);
    assert_true(isfinite(judge_worse(&judge)) && judge_worse(&judge) > 1e300);
    assert_true(judge_fine(&judge) >= 0 && judge_fine(&judge) < 1e-300);
    assert_int_equal(judge_answer(&judge), JUDGE_WORSE);
    /* What was learnt is not lost in what was learnt before. */
    for (size_t i = 0; i < 2000000; i++)
        judge_failure(&judge, false, 0.98);
    assert_true(isfinite(judge_worse(&judge)) && judge_worse(&judge) >= 0);
    assert_true(isfinite(judge_fine(&judge)));
    assert_int_equal(judge.failures[0], 2000000);
    for (size_t i = 0; i < JUDGE_RATIOS; i++)
        assert_true(isfinite(judge.worse[i]));
}

static void
adds_up_over_gateways(void **state)
{
    struct judge one = {0};
    struct judge two = {0};
    struct judge all = {0};
    struct judge sum = {0};
    uint64_t seed = 7;

    (void)state;
    for (size_t i = 0; i < 200; i++) {
        bool on_new = draw(&seed) < 0.4;
        double share = 0.1 + 0.8 * draw(&seed);

        judge_failure(i % 3 == 0 ? &one : &two, on_new, share);
        judge_failure(&all, on_new, share);
    }
    judge_add(&sum, &one);
    judge_add(&sum, &two);
    assert_true(fabs(judge_worse(&sum) / judge_worse(&all) - 1) < 1e-9);
    assert_true(fabs(judge_fine(&sum) / judge_fine(&all) - 1) < 1e-9);
    assert_int_equal(sum.failures[0], all.failures[0]);
    assert_int_equal(sum.failures[1], all.failures[1]);
}

static void
reads_what_it_writes(void **state)
{
    struct judge judge = {0};
    struct judge again;
    char text[JUDGE_TEXT_MAX];
    uint64_t seed = 3;

    (void)state;
    for (size_t i = 0; i < 300; i++) {
        judge_write(&judge, text);
        assert_true(judge_parse(span_of(text), &again));
        assert_memory_equal(&judge, &again, sizeof(judge));
        judge_failure(&judge, draw(&seed) < 0.5, draw(&seed));
    }
    for (size_t i = 0; i < JUDGE_RATIOS; i++)
        judge.worse[i] = -999999999999.12345;
    judge.fine = -1.2345678901234567e-300;
    judge.failures[0] = judge.failures[1] = UINT64_C(1) << 53;
    judge_write(&judge, text);
    assert_true(strlen(text) < JUDGE_TEXT_MAX - 1);
    assert_true(judge_parse(span_of(text), &again));
    assert_memory_equal(&judge, &again, sizeof(judge));
}

static void
refuses_other_texts(void **state)
{
    static const char *const rows[] = {
        "",
        "0 0 0 0 0 0 0 0 0 0 0 0 0",
        "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
        "0 0 0 0 0 0 0 0 0 0 0 nan 0 0",
        "inf 0 0 0 0 0 0 0 0 0 0 0 0 0",
        "1e300 0 0 0 0 0 0 0 0 0 0 0 0 0",
        "0 0 0 0 0 0 0 0 0 0 0 0 -1 0",
        "0 0 0 0 0 0 0 0 0 0 0 0 0.5 0",
        "0 0 0 0 0 0 0 0 0 0 0 0 0 99999999999999999999",
        "a 0 0 0 0 0 0 0 0 0 0 0 0 0",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct judge judge = {.fine = 5};

        if (judge_parse(span_of(rows[i]), &judge))
            fail_msg("taken: %s", rows[i]);
        assert_true(judge.fine == 5);
    }
}

/* --- figures --- */

/* Deliveries on both sides until the alarm; gives those on new until then, or -1. */
struct trial {
    double share;
    double jump_to; /* the share every other 1,000 deliveries; 0: it stays */
    double fail_old;
    double fail_new;
    double a_minute;
    int most;
};

/* Each failure has a cause of its own, of letters. */
static struct span
cause_of(unsigned number, char text[16])
{
    size_t length = 0;

    do {
        text[length++] = (char)('a' + number % 26);
        number /= 26;
    } while (number > 0);
    return span_make(text, length);
}

static int
try_once(const struct trial *trial, uint64_t seed)
{
    struct judge_watch watch = {0};
    double time_ms = 1e12;
    int on_new = 0;

    for (int i = 0; i < trial->most; i++) {
        double share =
            trial->jump_to > 0 && i / 1000 % 2 == 1 ? trial->jump_to : trial->share;
        bool is_new = draw(&seed) < share;
        char text[16];

        time_ms += MINUTE_MS / trial->a_minute;
        on_new += is_new;
        if (draw(&seed) >= (is_new ? trial->fail_new : trial->fail_old)) {
            judge_watch_delivered(&watch, (int64_t)time_ms, is_new);
            continue;
        }
        judge_watch_failed(&watch, (int64_t)time_ms, is_new, cause_of((unsigned)i, text));
        if (judge_answer(&watch.judge) == JUDGE_WORSE)
            return on_new;
    }
    return -1;
}

static void
raises_few_false_alarms(void **state)
{
    static const struct trial rows[] = {
        {0.3, 0, 0.01, 0.01, 100, 8000},
        {0.7, 0, 0.01, 0.01, 100, 8000},
        /* Half an hour at each share. */
        {0.3, 0.7, 0.01, 0.01, 30, 8000},
        /* Few deliveries in the 15 minutes by which the share is told. */
        {0.7, 0, 0.05, 0.05, 0.2, 4000},
        {0.3, 0, 0.20, 0.20, 0.5, 2000},
        {0.1, 0, 0.05, 0.05, 0.5, 4000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        int alarms = 0;

        for (uint64_t run = 1; run <= RUNS; run++)
            alarms += try_once(&rows[i], run * 7919) >= 0;
        print_message("row %zu: %d of %d\n", i, alarms, RUNS);
        assert_true(alarms <= RUNS / 20);
    }
}

static int
compare(const void *left, const void *right)
{
    return *(const int *)left - *(const int *)right;
}

static void
finds_a_fall_soon(void **state)
{
    static const struct {
        struct trial trial;
        int median; /* of the deliveries on new until it is found, at most */
        int most;   /* 95 percent */
    } rows[] = {
        {{0.3, 0, 0.0005, 0.0105, 100, 60000}, 500, 1200},
        {{0.3, 0, 0.01, 0.02, 100, 60000}, 1800, 7000},
        {{0.7, 0, 0.0005, 0.0105, 100, 60000}, 1500, 3500},
    };
    static int found[RUNS / 4];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        for (size_t run = 0; run < ARRAY_LENGTH(found); run++) {
            found[run] = try_once(&rows[i].trial, (run + 1) * 104729);
            assert_true(found[run] >= 0);
        }
        qsort(found, ARRAY_LENGTH(found), sizeof(found[0]), compare);
        print_message("row %zu: median %d, 95 %% %d\n", i, found[ARRAY_LENGTH(found) / 2],
            found[ARRAY_LENGTH(found) * 95 / 100]);
        assert_true(found[ARRAY_LENGTH(found) / 2] < rows[i].median);
        assert_true(found[ARRAY_LENGTH(found) * 95 / 100] < rows[i].most);
    }
}

static void
says_fine_of_equal_sides_alone(void **state)
{
    static const struct {
        double times; /* new fails so often as old */
        int least;
        int most;
    } rows[] = {{1, 190, 200}, {2, 0, 16}, {3, 0, 2}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        int fine = 0;

        for (uint64_t run = 1; run <= 200; run++) {
            double new_part = 0.3 * rows[i].times / (0.3 * rows[i].times + 0.7);
            struct judge judge = {0};
            uint64_t seed = run * 15485863;
            int n = 0;

            while (n++ < 400 && judge.fine < log(20))
                judge_failure(&judge, draw(&seed) < new_part, 0.3);
            fine += judge.fine >= log(20);
        }
        print_message("%.0f times: %d of 200\n", rows[i].times, fine);
        assert_in_range(fine, rows[i].least, rows[i].most);
    }
}

static void
tells_how_many_failures_more(void **state)
{
    struct judge judge = {0};
    double mean = 0.7 * log(1.3) + 0.3 * log(0.65);

    (void)state;
    assert_true(fabs(judge_failures_to_fine(&judge, 0.3, 0.3) - log(20) / mean) < 1e-9);
    assert_true(fabs(judge_failures_to_fine(&judge, 0.3, 0) - log(20) / log(1.3)) < 1e-9);
    assert_true(judge_failures_to_fine(&judge, 0.3, 1) == -1);
    assert_true(judge_failures_to_fine(&judge, 0.3, 0.6) == -1); /* it grows worse */
    assert_true(judge_failures_to_fine(&judge, 0.99, 0.3) == -1);
    assert_true(judge_failures_to_fine(&judge, 0.3, NAN) == -1);
    judge.fine = log(20) + 1;
    assert_true(judge_failures_to_fine(&judge, 0.3, 0.3) == 0);
}

/* --- the last minutes --- */

/* A watch that knows a share of 0.3. */
static struct judge_watch
watch_at(int64_t time_ms)
{
    struct judge_watch watch = {0};

    for (size_t i = 0; i < 1000; i++)
        judge_watch_delivered(&watch, time_ms, i % 10 < 3);
    return watch;
}

static uint64_t
counted(const struct judge_watch *watch)
{
    return watch->judge.failures[0] + watch->judge.failures[1];
}

static void
takes_one_cause_in_a_minute_once(void **state)
{
    static const char refused[] =
        "connect to a1.example[192.0.2.7]:25: Connection refused";
    static const struct {
        const char *cause;
        int64_t later_ms;
        bool counts; /* behind `refused` */
    } rows[] = {
        {refused, 0, false},
        {refused, MINUTE_MS - 1, false},
        {refused, MINUTE_MS, true},
        {"connect to b2.example[2001:db8::1]:26: CONNECTION  refused", 5, false},
        {"connect to a1.example[192.0.2.7]:25: Connection timed out", 5, true},
        {"", 5, true},
    };
    int64_t start = INT64_C(1790000040000); /* a minute begins */

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct judge_watch watch = watch_at(start);

        judge_watch_failed(&watch, start, true, span_of(refused));
        judge_watch_failed(
            &watch, start + rows[i].later_ms, i % 2 == 0, span_of(rows[i].cause));
        if (counted(&watch) != (rows[i].counts ? 2 : 1))
            fail_msg("row %zu: %s", i, rows[i].cause);
    }
}

static void
takes_addresses_out_of_causes(void **state)
{
    struct judge_watch watch = watch_at(0);
    char text[80];

    (void)state;
    for (char name = 'a'; name <= 'z'; name++) {
        (void)snprintf(text, sizeof(text),
            "451 4.3.2 <%c@example.com>... queue 4c%cQ1x is full", name, name);
        judge_watch_failed(&watch, 0, true, span_of(text));
    }
    assert_int_equal(counted(&watch), 1);
    /* Longer than what is kept of it. */
    static char longer[4096];
    memset(longer, 'x', sizeof(longer) - 1);
    judge_watch_failed(&watch, 0, true, span_of(longer));
    assert_int_equal(counted(&watch), 2);
}

static void
is_calm_in_a_common_outage(void **state)
{
    (void)state;
    for (uint64_t run = 1; run <= 20; run++) {
        struct judge_watch watch = {0};
        uint64_t seed = run;

        /* An hour in which all is refused on both sides, then another in which it isn't.
         */
        for (int64_t i = 0; i < 100 * 180; i++) {
            int64_t time_ms = i * MINUTE_MS / 100;
            bool on_new = draw(&seed) < 0.3;

            if (time_ms / MINUTE_MS / 60 == 1)
                judge_watch_failed(&watch, time_ms, on_new, SPAN("no route to host"));
            else
                judge_watch_delivered(&watch, time_ms, on_new);
            assert_int_not_equal(judge_answer(&watch.judge), JUDGE_WORSE);
        }
        assert_int_equal(counted(&watch), 60);
    }
}

static void
finds_an_outage_of_new_alone(void **state)
{
    struct judge_watch watch = watch_at(0);
    int64_t minute = 0;

    (void)state;
    /* One cause: an event a minute. */
    for (; judge_answer(&watch.judge) != JUDGE_WORSE; minute++) {
        assert_true(minute < 15);
        for (size_t i = 0; i < 100; i++) {
            if (i % 10 < 3)
                judge_watch_failed(&watch, minute * MINUTE_MS, true, SPAN("refused"));
            else
                judge_watch_delivered(&watch, minute * MINUTE_MS, false);
        }
    }
    assert_in_range(minute, 3, 6);
}

static void
has_a_bounded_table_of_causes(void **state)
{
    struct judge_watch watch = watch_at(0);
    char text[16];

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 10000; i++)
            judge_watch_failed(&watch, 0, true, cause_of(i, text));
    }
    /* All of the first round; of the second all but those that are still there. */
    assert_in_range(counted(&watch), 20000 - JUDGE_CAUSES, 20000);
}

static void
knows_the_share_of_the_last_minutes(void **state)
{
    struct judge_watch watch = {0};
    int64_t start = INT64_C(1790000040000);

    (void)state;
    assert_true(judge_watch_share(&watch, start) == -1);
    judge_watch_delivered(&watch, start, true);
    assert_true(judge_watch_share(&watch, start) == 1);
    for (size_t i = 0; i < 3; i++)
        judge_watch_delivered(&watch, start + MINUTE_MS, false);
    assert_true(judge_watch_share(&watch, start + MINUTE_MS) == 0.25);
    /* Failures are attempts too, also those that do not count as events. */
    judge_watch_failed(&watch, start + MINUTE_MS, true, SPAN("x"));
    judge_watch_failed(&watch, start + MINUTE_MS, true, SPAN("x"));
    assert_true(judge_watch_share(&watch, start + MINUTE_MS) == 0.5);
    /* The first minute leaves, then all. */
    assert_true(judge_watch_share(&watch, start + 14 * MINUTE_MS) == 0.5);
    assert_true(judge_watch_share(&watch, start + 15 * MINUTE_MS) == 0.4);
    assert_true(judge_watch_share(&watch, start + 16 * MINUTE_MS) == -1);
    assert_true(judge_watch_share(&watch, INT64_MAX) == -1);
}

static void
bears_times_out_of_order(void **state)
{
    int64_t start = INT64_C(1790000040000);
    struct judge_watch watch = watch_at(start);

    (void)state;
    /* A little older: as of the same moment. */
    judge_watch_failed(&watch, start, true, SPAN("x"));
    judge_watch_failed(&watch, start - 10 * MINUTE_MS, true, SPAN("x"));
    judge_watch_delivered(&watch, start - 59 * MINUTE_MS, false);
    assert_int_equal(counted(&watch), 1);
    assert_true(watch.minute == start / MINUTE_MS);
    /* The clock had been ahead by a year: it goes on with the new time. */
    judge_watch_delivered(&watch, start + INT64_C(525600) * MINUTE_MS, true);
    judge_watch_delivered(&watch, start, true);
    judge_watch_delivered(&watch, start, false);
    assert_true(judge_watch_share(&watch, start) == 0.5);
    judge_watch_failed(&watch, start + MINUTE_MS, true, SPAN("x"));
    assert_int_equal(counted(&watch), 2);
    /* The ends of time. */
    judge_watch_failed(&watch, INT64_MIN, true, SPAN("x"));
    judge_watch_failed(&watch, -1, false, SPAN("x"));
    judge_watch_failed(&watch, INT64_MAX, true, SPAN("x"));
    judge_watch_delivered(&watch, INT64_MIN, true);
    assert_true(isfinite(judge_worse(&watch.judge)));
}

static void
forgets_at_a_transition(void **state)
{
    struct judge_watch watch = watch_at(0);

    (void)state;
    judge_watch_failed(&watch, 0, true, SPAN("x"));
    judge_watch_restart(&watch);
    assert_int_equal(counted(&watch), 0);
    assert_true(judge_worse(&watch.judge) == 1);
    /* The share of before the transition is not that of after it. */
    assert_true(judge_watch_share(&watch, 0) == -1);
    judge_watch_delivered(&watch, 0, false);
    judge_watch_failed(&watch, 0, true, SPAN("y"));
    assert_true(judge_watch_share(&watch, 0) == 0.5);
    assert_int_equal(watch.judge.failures[1], 1);
    /* An outage that went on over it is still one event a minute. */
    judge_watch_failed(&watch, 0, true, SPAN("x"));
    assert_int_equal(watch.judge.failures[1], 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_vectors),
        cmocka_unit_test(learns_nothing_without_two_sides),
        cmocka_unit_test(answers_at_twenty),
        cmocka_unit_test(bears_a_million_failures),
        cmocka_unit_test(adds_up_over_gateways),
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(refuses_other_texts),
        cmocka_unit_test(raises_few_false_alarms),
        cmocka_unit_test(finds_a_fall_soon),
        cmocka_unit_test(says_fine_of_equal_sides_alone),
        cmocka_unit_test(tells_how_many_failures_more),
        cmocka_unit_test(takes_one_cause_in_a_minute_once),
        cmocka_unit_test(takes_addresses_out_of_causes),
        cmocka_unit_test(is_calm_in_a_common_outage),
        cmocka_unit_test(finds_an_outage_of_new_alone),
        cmocka_unit_test(has_a_bounded_table_of_causes),
        cmocka_unit_test(knows_the_share_of_the_last_minutes),
        cmocka_unit_test(bears_times_out_of_order),
        cmocka_unit_test(forgets_at_a_transition),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
