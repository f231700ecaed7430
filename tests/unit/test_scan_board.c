/*
 * What workers and their deaths leave on the board.
 */
#include "tests/unit/unit.h"

#include "milters/scan/scan_board.h"

#include <unistd.h>

static struct scan_board *board;

static int
make_board(void **state)
{
    (void)state;
    board = scan_board_new();
    return 0;
}

static void
a_job_is_found_by_who_took_it(void **state)
{
    int number = scan_board_take_slot(board, getpid());
    uint64_t taken_ms = 0;

    (void)state;
    scan_slot_take_job(&board->slots[number], 7, 2000, 1000);
    assert_int_equal(scan_board_find_job(board, 7, &taken_ms), number);
    assert_int_equal(taken_ms, 1000);
    assert_int_equal(scan_board_find_job(board, 8, &taken_ms), -1);
    assert_int_equal(scan_board_count(board, WORKER_BUSY), 1);
    scan_slot_end_job(&board->slots[number]);
    assert_int_equal(scan_board_count(board, WORKER_IDLE), 1);
    scan_board_free_slot(board, number);
}

static void
a_crash_is_one_only_where_no_call_had_failed(void **state)
{
    int number = scan_board_take_slot(board, getpid());
    struct scan_slot *slot = &board->slots[number];

    (void)state;
    scan_slot_take_job(slot, 9, 2000, 1000);
    assert_int_equal(scan_board_death(board, number, 9), DEATH_NOT_KNOWN);
    scan_slot_bury(slot, DEATH_BY_CRASH);
    assert_int_equal(scan_board_death(board, number, 9), DEATH_BY_CRASH);
    /* The next job in the same place, out of memory before it crashed. */
    scan_slot_take_job(slot, 10, 2000, 1000);
    assert_int_equal(scan_board_death(board, number, 10), DEATH_NOT_KNOWN);
    atomic_store(&slot->troubled, true);
    scan_slot_bury(slot, DEATH_BY_CRASH);
    assert_int_equal(scan_board_death(board, number, 10), DEATH_BY_OTHERS);
    scan_board_free_slot(board, number);
}

static void
deaths_are_counted_by_message_and_forgotten(void **state)
{
    const uint64_t now = 10000000;

    (void)state;
    assert_int_equal(scan_board_deaths(board, 5, now).all, 0);
    scan_board_add_death(board, 5, false, now);
    scan_board_add_death(board, 5, true, now + 1);
    scan_board_add_death(board, 6, true, now + 1);
    assert_int_equal(scan_board_deaths(board, 5, now + 2).all, 2);
    assert_int_equal(scan_board_deaths(board, 5, now + 2).crashes, 1);
    assert_int_equal(scan_board_deaths(board, 6, now + 2).crashes, 1);
    assert_int_equal(scan_board_deaths(board, 5, now + 3600 * 1000 + 1).all, 0);
    scan_board_add_death(board, 5, true, now + 3600 * 1000 + 1);
    assert_int_equal(scan_board_deaths(board, 5, now + 3600 * 1000 + 2).all, 1);
    assert_int_equal(scan_board_deaths(board, 5, now + 3600 * 1000 + 2).crashes, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_found_by_who_took_it),
        cmocka_unit_test(a_crash_is_one_only_where_no_call_had_failed),
        cmocka_unit_test(deaths_are_counted_by_message_and_forgotten),
    };

    return cmocka_run_group_tests(tests, make_board, NULL);
}
