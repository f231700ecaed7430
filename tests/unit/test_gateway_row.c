/*
 * What gateways say of themselves, and whether they answer alike.
 */
#include "tests/unit/unit.h"

#include "policyd/gateways/gateway_row.h"

#include <string.h>

enum { NOW = 1764000000, SLOT_MS = 1000 };

static void
reads_what_is_said(void **state)
{
    struct gateway_row row;

    (void)state;
    assert_true(gateway_row_init(&row, SPAN("gw1")));
    gateway_row_take(&row, SPAN("version"), SPAN("0.1.0"));
    gateway_row_take(&row, SPAN("digest"), SPAN("0123456789abcdef"));
    gateway_row_take(&row, SPAN("waiting"), SPAN("7"));
    gateway_row_take(&row, SPAN("books"), SPAN("unknown"));
    gateway_row_take(&row, SPAN("log_time"), SPAN("-5"));
    gateway_row_take(&row, SPAN("time"), SPAN("1764000000"));
    gateway_row_take(&row, SPAN("else"), SPAN("1"));
    assert_string_equal(row.version, "0.1.0");
    assert_string_equal(row.digest, "0123456789abcdef");
    assert_true(row.knows_waiting && row.waiting == 7 && !row.knows_books);
    assert_true(row.log_time == 0 && row.time == NOW);
    gateway_row_take(&row, SPAN("digest"), SPAN("a\033[31m"));
    gateway_row_take(&row, SPAN("time"), SPAN("99999999999999999999"));
    gateway_row_take(&row, SPAN("version"),
        SPAN("0123456789012345678901234567890123456789012345678901234567890123456789"));
    assert_true(row.digest[0] == '\0' && row.time == 0 && row.version[0] == '\0');
    assert_false(gateway_row_init(&row, SPAN("")));
    assert_false(gateway_row_init(&row, SPAN("a\nb")));
}

static void
is_silent_after_three_beats_and_three_slots(void **state)
{
    static const struct {
        uint64_t slot_ms;
        int64_t age_ms;
        bool wanted;
    } rows[] = {
        {1000, 7000, false},
        {1000, 7001, true},
        {60000, 196000, false},
        {60000, 196001, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct gateway_row row = {.time = NOW};

        assert_int_equal(gateway_row_is_silent(
                             &row, (int64_t)NOW * 1000 + rows[i].age_ms, rows[i].slot_ms),
            rows[i].wanted);
    }
}

static void
alarms_what_differs_for_long(void **state)
{
    static const struct {
        struct gateway_row rows[2];
        bool wanted;
    } rows[] = {
        {{{.digest = "a", .time = NOW}, {.digest = "a", .time = NOW}}, false},
        {{{.digest = "a", .time = NOW}, {.digest = "b", .time = NOW}}, true},
        /* The other has not had its say since. */
        {{{.digest = "a", .time = NOW, .digest_since = NOW - 6},
             {.digest = "b", .time = NOW - 1, .digest_since = NOW - 900}},
            false},
        {{{.digest = "a", .time = NOW, .digest_since = NOW - 7},
             {.digest = "b", .time = NOW - 1, .digest_since = NOW - 900}},
            true},
        {{{.digest = "a", .time = NOW, .digest_since = NOW - 4},
             {.digest = "b", .time = NOW, .digest_since = NOW - 900}},
            false},
        /* Not known, silent, a site's own next hops. */
        {{{.digest = "", .time = NOW}, {.digest = "b", .time = NOW}}, false},
        {{{.digest = "a", .time = NOW - 60}, {.digest = "b", .time = NOW}}, false},
        {{{.digest = "a", .time = NOW, .site = "fra"}, {.digest = "b", .time = NOW}},
            false},
        {{{.digest = "a", .time = NOW, .site = "fra"},
             {.digest = "b", .time = NOW, .site = "ams"}},
            true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct gateway_row *one = NULL;
        const struct gateway_row *other = NULL;

        assert_int_equal(gateway_rows_differ(
                             rows[i].rows, 2, (int64_t)NOW * 1000, SLOT_MS, &one, &other),
            rows[i].wanted);
        assert_true(!rows[i].wanted || (one == &rows[i].rows[0] && other == one + 1));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_said),
        cmocka_unit_test(is_silent_after_three_beats_and_three_slots),
        cmocka_unit_test(alarms_what_differs_for_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
