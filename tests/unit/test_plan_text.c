/*
 * Times, durations and percentages as people read them.
 */
#include "tests/unit/unit.h"

#include "policyd/plan/plan_text.h"
#include "shared/base/attributes.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static void
writes_ages(void **state)
{
    static const struct {
        int64_t milliseconds;
        const char *age;
        const char *about;
    } rows[] = {
        {-5, "0 s", "1 min"},
        {0, "0 s", "1 min"},
        {1999, "1 s", "1 min"},
        {59 * SECOND, "59 s", "1 min"},
        {MINUTE + 59 * SECOND, "1 min", "1 min"},
        {HOUR, "1 h", "60 min"},
        {HOUR + 59 * SECOND, "1 h", "60 min"},
        {HOUR + 20 * MINUTE, "1 h 20 min", "80 min"},
        {2 * HOUR + 29 * MINUTE, "2 h 29 min", "2 h"},
        {2 * HOUR + 31 * MINUTE, "2 h 31 min", "3 h"},
        {DAY, "24 h", "24 h"},
        {DAY + 59 * MINUTE, "24 h 59 min", "25 h"},
        {2 * DAY - MINUTE, "47 h 59 min", "48 h"},
        {2 * DAY, "2 d", "2 d"},
        {2 * DAY + 3 * HOUR, "2 d 3 h", "2 d"},
        {INT64_MAX, "106751991167 d 7 h", "106751991167 d"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char out[PLAN_TIME_MAX];

        plan_text_age(rows[i].milliseconds, out);
        assert_string_equal(out, rows[i].age);
        plan_text_about(rows[i].milliseconds, out);
        assert_string_equal(out, rows[i].about);
    }
}

static void
writes_times_by_the_local_clock(void **state)
{
    /* 2026-11-30 is a Monday; in Berlin it is an hour later than UTC. */
    static const int64_t now = INT64_C(1796036400) * SECOND; /* 11:00:00 UTC */
    static const struct plan_local local = {.weekday = 1, .minute = 12 * 60};
    static const struct {
        int64_t after;
        const char *wanted;
    } rows[] = {
        {0, "12:00"},
        {59999, "12:00"},
        {-1, "11:59"},
        {2 * HOUR + 2 * MINUTE, "14:02"},
        {-12 * HOUR, "00:00"},
        {-12 * HOUR - 1, "Sun 23:59"},
        {DAY + 2 * HOUR, "Tue 14:00"},
        {-5 * DAY, "Wed 12:00"},
        {6 * DAY, "2026-12-06T11:00:00Z"},
        {7 * DAY, "2026-12-07T11:00:00Z"},
        {-6 * DAY, "2026-11-24T11:00:00Z"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char out[PLAN_TIME_MAX];

        plan_text_time(local, now, now + rows[i].after, out);
        assert_string_equal(out, rows[i].wanted);
    }
}

static void
never_rounds_up_to_a_limit(void **state)
{
    static const struct {
        double part;
        const char *wanted;
    } rows[] = {
        {0, "0.00"},
        {1, "100.00"},
        {0.5, "50.00"},
        {0.57, "57.00"},
        {0.9995, "99.95"},
        {0.99949999, "99.94"},
        {0.99999, "99.99"},
        {999998.0 / 999999, "99.99"},
        {-1, "0.00"},
        {2, "100.00"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char out[PLAN_TIME_MAX];

        plan_text_percent(rows[i].part, out);
        assert_string_equal(out, rows[i].wanted);
    }
    for (unsigned i = 0; i <= 10000; i++)
        assert_int_equal(plan_hundredths(i / 10000.0), i);
}

static void
writes_seconds(void **state)
{
    static const struct {
        uint64_t thousandths;
        const char *wanted;
    } rows[] = {{0, "0"}, {1, "0.001"}, {840, "0.84"}, {1200, "1.2"}, {30000, "30"},
        {UINT64_MAX, "18446744073709551.615"}};
    char few[4];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char out[PLAN_TIME_MAX];

        plan_text_seconds(rows[i].thousandths, out);
        assert_string_equal(out, rows[i].wanted);
    }
    plan_text_print(few, sizeof(few), "%d", 12345);
    assert_string_equal(few, "123");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_ages),
        cmocka_unit_test(writes_times_by_the_local_clock),
        cmocka_unit_test(never_rounds_up_to_a_limit),
        cmocka_unit_test(writes_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
