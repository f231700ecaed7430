/*
 * Retention gives way to intake, and still ends.
 */
#include "tests/unit/unit.h"

#include "policyd/books/books_retire.h"
#include "policyd/follow/retire_pace.h"
#include "shared/base/attributes.h"

enum { SECOND = 1000 };

static void
rests_after_a_turn(void **state)
{
    static const struct {
        struct retire_turn turn;
        uint64_t next_ms;
        uint64_t late_ms;
    } rows[] = {
        /* Nothing is old: a look a minute later. */
        {{5000, 5010, true, false, false}, 65010, 65010},
        {{5000, 5010, false, false, true}, 65010, 65010},
        /* Four times as long as it took; with more to read ten seconds. */
        {{5000, 5200, true, true, false}, 6000, 15200},
        {{5000, 5001, true, true, false}, 5005, 15001},
        {{5000, 5000, true, true, false}, 5000, 15000},
        /* A disk that stands still rests as well. */
        {{5000, 9000, true, true, false}, 25000, 25000},
        {{5000, 9000, false, true, true}, 25000, 25000},
        /* Too large: it waits a second. */
        {{5000, 5200, true, true, true}, 6000, 6200},
        {{5000, 5300, false, true, true}, 6500, 6500},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct retire_pace pace = {.rows = BOOKS_RETIRE_ROWS_MIN};

        retire_pace_rest(&pace, &rows[i].turn);
        assert_int_equal(pace.next_ms, rows[i].next_ms);
        assert_int_equal(pace.late_ms, rows[i].late_ms);
        assert_false(retire_pace_is_due(&pace, rows[i].next_ms - 1, true));
        assert_true(retire_pace_is_due(&pace, rows[i].next_ms, true));
        assert_false(retire_pace_is_due(&pace, rows[i].late_ms - 1, false));
        assert_true(retire_pace_is_due(&pace, rows[i].late_ms, false));
    }
}

static void
is_due_at_first(void **state)
{
    const struct retire_pace pace = {.rows = BOOKS_RETIRE_ROWS_MIN};

    (void)state;
    assert_true(retire_pace_is_due(&pace, 0, true));
    assert_true(retire_pace_is_due(&pace, 0, false));
}

static void
goes_on_for_a_fifth_of_a_second(void **state)
{
    static const struct {
        struct retire_turn turn;
        bool goes_on;
    } rows[] = {
        {{5000, 5010, true, true, false}, true},
        {{5000, 5199, true, true, true}, true},
        {{5000, 5200, true, true, false}, false},
        {{5000, 5010, true, false, false}, false},
        {{5000, 5010, false, true, true}, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct retire_pace pace = {.rows = BOOKS_RETIRE_ROWS_MIN};

        assert_int_equal(retire_pace_goes_on(&pace, &rows[i].turn, 10), rows[i].goes_on);
    }
}

static void
makes_its_steps_as_large_as_the_disk_is_fast(void **state)
{
    const struct retire_turn turn = {5000, 5010, true, true, false};
    struct retire_pace pace = {.rows = BOOKS_RETIRE_ROWS_MIN};

    (void)state;
    (void)retire_pace_goes_on(&pace, &turn, 49);
    assert_int_equal(pace.rows, 2 * BOOKS_RETIRE_ROWS_MIN);
    (void)retire_pace_goes_on(&pace, &turn, 50);
    (void)retire_pace_goes_on(&pace, &turn, 100);
    assert_int_equal(pace.rows, 2 * BOOKS_RETIRE_ROWS_MIN);
    (void)retire_pace_goes_on(&pace, &turn, 101);
    (void)retire_pace_goes_on(&pace, &turn, 10 * SECOND);
    assert_int_equal(pace.rows, BOOKS_RETIRE_ROWS_MIN);
    for (int i = 0; i < 20; i++)
        (void)retire_pace_goes_on(&pace, &turn, 1);
    assert_int_equal(pace.rows, BOOKS_RETIRE_ROWS_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rests_after_a_turn),
        cmocka_unit_test(is_due_at_first),
        cmocka_unit_test(goes_on_for_a_fifth_of_a_second),
        cmocka_unit_test(makes_its_steps_as_large_as_the_disk_is_fast),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
