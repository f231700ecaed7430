/*
 * Strict text to numbers, and back.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/base/number.h"

#include <math.h>

static void
reads_unsigned_numbers(void **state)
{
    static const struct {
        const char *text;
        uint64_t most;
        bool good;
        uint64_t wanted;
    } rows[] = {
        {"0", UINT64_MAX, true, 0},
        {"42", 42, true, 42},
        {"43", 42, false, 0},
        {"9", 5, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999", UINT64_MAX, false, 0},
        {"", UINT64_MAX, false, 0},
        {"00", UINT64_MAX, false, 0},
        {"01", UINT64_MAX, false, 0},
        {"+1", UINT64_MAX, false, 0},
        {"-1", UINT64_MAX, false, 0},
        {" 1", UINT64_MAX, false, 0},
        {"1 ", UINT64_MAX, false, 0},
        {"1.0", UINT64_MAX, false, 0},
        {"0x10", UINT64_MAX, false, 0},
        {"1e9", UINT64_MAX, false, 0},
        {"\xd9\xa1", UINT64_MAX, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint64_t number = 77;

        print_message("# '%s'\n", rows[i].text);
        assert_int_equal(
            number_unsigned(span_of(rows[i].text), rows[i].most, &number), rows[i].good);
        assert_true(number == (rows[i].good ? rows[i].wanted : 77));
    }
}

static void
reads_signed_numbers(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int64_t wanted;
    } rows[] = {
        {"-1", true, -1},
        {"12", true, 12},
        {"-0", true, 0},
        {"-9223372036854775808", true, INT64_MIN},
        {"-9223372036854775809", false, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"-", false, 0},
        {"--1", false, 0},
        {"-01", false, 0},
        {"+1", false, 0},
    };
    int64_t number;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        number = 77;
        print_message("# '%s'\n", rows[i].text);
        assert_int_equal(
            number_signed(span_of(rows[i].text), INT64_MIN, INT64_MAX, &number),
            rows[i].good);
        assert_true(number == (rows[i].good ? rows[i].wanted : 77));
    }
    assert_false(number_signed(SPAN("5"), -4, 4, &number));
    assert_false(number_signed(SPAN("-5"), -4, 4, &number));
    assert_true(number_signed(SPAN("-4"), -4, 4, &number));
}

static void
reads_durations(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t wanted;
    } rows[] = {
        {"250ms", true, 250},
        {"5s", true, 5000},
        {"2m", true, 120000},
        {"3h", true, 10800000},
        {"7d", true, 604800000},
        {"0", true, 0},
        {"0s", true, 0},
        {"366d", true, 31622400000},
        {"367d", false, 0},
        {"8785h", false, 0},
        {"5", false, 0},
        {"5 s", false, 0},
        {"5S", false, 0},
        {"5sec", false, 0},
        {"1h30m", false, 0},
        {"1.5h", false, 0},
        {"-1s", false, 0},
        {"05s", false, 0},
        {"s", false, 0},
        {"", false, 0},
        {"18446744073709551615d", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint64_t number = 77;

        print_message("# '%s'\n", rows[i].text);
        assert_int_equal(number_duration(span_of(rows[i].text), &number), rows[i].good);
        assert_true(number == (rows[i].good ? rows[i].wanted : 77));
    }
}

static void
reads_sizes(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t wanted;
    } rows[] = {
        {"0", true, 0},
        {"512", true, 512},
        {"64k", true, 65536},
        {"64K", true, 65536},
        {"25M", true, 26214400},
        {"1g", true, 1073741824},
        {"1024G", true, UINT64_C(1) << 40},
        {"1025G", false, 0},
        {"64kB", false, 0},
        {"64 k", false, 0},
        {"1T", false, 0},
        {"k", false, 0},
        {"", false, 0},
        {"1.5M", false, 0},
        {"-1k", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint64_t number = 77;

        print_message("# '%s'\n", rows[i].text);
        assert_int_equal(number_size(span_of(rows[i].text), &number), rows[i].good);
        assert_true(number == (rows[i].good ? rows[i].wanted : 77));
    }
}

static void
knows_yes_and_no_alone(void **state)
{
    static const char *const bad[] = {"", "YES", "Yes", "y", "true", "1", "on", "yes "};
    bool yes = false;

    (void)state;
    assert_true(number_yes_no(SPAN("yes"), &yes));
    assert_true(yes);
    assert_true(number_yes_no(SPAN("no"), &yes));
    assert_false(yes);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_false(number_yes_no(span_of(bad[i]), &yes));
}

static void
reads_weights_as_the_table_has_them(void **state)
{
    static const struct {
        const char *text;
        bool good;
        unsigned wanted;
    } rows[] = {
        {"0", true, 0},
        {"30", true, 3000},
        {"0.5", true, 50},
        {"0.05", true, 5},
        {"05", true, 500},
        {"99.95", true, 9995},
        {"100", true, 10000},
        {"100.0", true, 10000},
        {"100.00", true, 10000},
        {"100.01", false, 0},
        {"100.000", false, 0},
        {"101", false, 0},
        {"005", false, 0},
        {"000", false, 0},
        {"30%", false, 0},
        {"abc", false, 0},
        {"-1", false, 0},
        {"1e9", false, 0},
        {"30.", false, 0},
        {".5", false, 0},
        {"30.123", false, 0},
        {"3,5", false, 0},
        {" 30", false, 0},
        {"", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        unsigned number = 77;

        print_message("# '%s'\n", rows[i].text);
        assert_int_equal(number_percent(span_of(rows[i].text), &number), rows[i].good);
        assert_int_equal(number, rows[i].good ? rows[i].wanted : 77);
    }
}

static void
reads_scores(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int64_t wanted;
    } rows[] = {
        {"5", true, 5000},
        {"5.0", true, 5000},
        {"-1.5", true, -1500},
        {"0.001", true, 1},
        {"999999.999", true, 999999999},
        {"1000000", false, 0},
        {"0.0001", false, 0},
        {"5.", false, 0},
        {"-", false, 0},
        {"--5", false, 0},
        {"+5", false, 0},
        {"nan", false, 0},
        {"", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        int64_t number = 77;

        print_message("# '%s'\n", rows[i].text);
        assert_int_equal(
            number_thousandths(span_of(rows[i].text), &number), rows[i].good);
        assert_true(number == (rows[i].good ? rows[i].wanted : 77));
    }
}

static void
reads_points_in_time(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int64_t wanted;
    } rows[] = {
        {"1970-01-01T00:00:00Z", true, 0},
        {"2026-11-24T12:00:00Z", true, 1795521600},
        {"2026-11-24t12:00:00z", true, 1795521600},
        {"2026-11-24T13:30:00+01:30", true, 1795521600},
        {"2026-11-24T00:00:00-12:00", true, 1795521600},
        {"2026-11-24T12:00:00.999999Z", true, 1795521600},
        {"2000-02-29T00:00:00Z", true, 951782400},
        {"1969-12-31T23:59:59Z", true, -1},
        {"2016-12-31T23:59:60Z", true, 1483228800},
        {"0000-01-01T00:00:00Z", true, INT64_C(-62167219200)},
        {"0000-03-01T00:00:00Z", true, INT64_C(-62162035200)},
        {"9999-12-31T23:59:59Z", true, INT64_C(253402300799)},
        {"2100-02-29T00:00:00Z", false, 0},
        {"2026-02-30T00:00:00Z", false, 0},
        {"2026-00-10T00:00:00Z", false, 0},
        {"2026-13-10T00:00:00Z", false, 0},
        {"2026-11-00T00:00:00Z", false, 0},
        {"2026-11-24T24:00:00Z", false, 0},
        {"2026-11-24T12:60:00Z", false, 0},
        {"2026-11-24T12:00:61Z", false, 0},
        {"2026-11-24T12:00:00", false, 0},
        {"2026-11-24 12:00:00Z", false, 0},
        {"2026-11-24T12:00:00.Z", false, 0},
        {"2026-11-24T12:00:00+0100", false, 0},
        {"2026-11-24T12:00:00+24:00", false, 0},
        {"2026-11-24T12:00:00Z ", false, 0},
        {"2026-11-24", false, 0},
        {"26-11-24T12:00:00Z", false, 0},
        {"", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        int64_t time = 77;

        print_message("# '%s'\n", rows[i].text);
        assert_int_equal(number_rfc3339(span_of(rows[i].text), &time), rows[i].good);
        assert_true(time == (rows[i].good ? rows[i].wanted : 77));
    }
}

static void
writes_the_shortest_text_that_reads_back(void **state)
{
    static const struct {
        double number;
        const char *wanted;
    } rows[] = {
        {0, "0"},
        {-0.0, "0"},
        {1795521600, "1795521600"},
        {-3, "-3"},
        {0.1, "0.1"},
        {99.95, "99.95"},
        {1.0 / 3, "0.3333333333333333"},
        {1e15, "1e+15"},
        {1e300, "1e+300"},
        {5e-324, "4.94066e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
    };
    char out[32];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        assert_string_equal(number_write(rows[i].number, out), rows[i].wanted);
}

static void
reads_numbers_with_an_exponent_or_none(void **state)
{
    static const struct {
        const char *text;
        bool good;
        double wanted;
    } rows[] = {
        {"0", true, 0},
        {"-0.5", true, -0.5},
        {"12.25", true, 12.25},
        {"1e-05", true, 1e-5},
        {"-1.7976931348623157e+308", true, -1.7976931348623157e308},
        {"007", true, 7},
        {"", false, 0},
        {"-", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"+1", false, 0},
        {".5", false, 0},
        {"1e", false, 0},
        {"1e309", false, 0},
        {"inf", false, 0},
        {"nan", false, 0},
        {"0x10", false, 0},
        {"1,5", false, 0},
        {"1.2.3", false, 0},
        {"--1", false, 0},
        {"1-1", false, 0},
        {"10000000000000000000000000000000", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        double number = 77;
        char out[32];

        if (number_real(span_of(rows[i].text), &number) != rows[i].good)
            fail_msg("\"%s\"", rows[i].text);
        assert_true(number == (rows[i].good ? rows[i].wanted : 77));
        assert_true(number_real(span_of(number_write(number, out)), &number));
    }
    /* A NUL ends nothing. */
    assert_false(number_real(span_make("1\0", 2), &(double){0}));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_unsigned_numbers),
        cmocka_unit_test(reads_signed_numbers),
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(reads_sizes),
        cmocka_unit_test(knows_yes_and_no_alone),
        cmocka_unit_test(reads_weights_as_the_table_has_them),
        cmocka_unit_test(reads_scores),
        cmocka_unit_test(reads_points_in_time),
        cmocka_unit_test(writes_the_shortest_text_that_reads_back),
        cmocka_unit_test(reads_numbers_with_an_exponent_or_none),
    };

    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
