/*
 * One at a time of each client.
 */
#include "tests/unit/unit.h"

#include "milters/scan/scan_turn.h"

static struct scan_turns turns;

static void
a_client_waits_for_its_own(void **state)
{
    uint64_t one = scan_turn_client("192.0.2.1");
    uint64_t other = scan_turn_client("192.0.2.2");

    (void)state;
    assert_true(scan_turn_take(&turns, one, 2000, 1000));
    assert_false(scan_turn_take(&turns, one, 2100, 1100));
    assert_true(scan_turn_take(&turns, other, 2100, 1100));
    scan_turn_give_back(&turns, one, 2000);
    assert_true(scan_turn_take(&turns, one, 2100, 1200));
    /* A turn that was over is not given back twice, and ends by itself. */
    scan_turn_give_back(&turns, one, 2000);
    assert_false(scan_turn_take(&turns, one, 2200, 1300));
    assert_true(scan_turn_take(&turns, one, 3000, 2100));
}

static void
knows_clients_by_their_network(void **state)
{
    (void)state;
    assert_true(scan_turn_client("2001:db8::1") == scan_turn_client("2001:db8::ffff:1"));
    assert_false(scan_turn_client("2001:db8::1") == scan_turn_client("2001:db8:0:1::1"));
    assert_false(scan_turn_client("192.0.2.1") == scan_turn_client("192.0.2.2"));
    assert_true(scan_turn_client("") == 0);
    assert_true(scan_turn_client("unknown") == 0);
    assert_true(scan_turn_take(&turns, 0, 9000, 1) && scan_turn_take(&turns, 0, 9000, 1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_waits_for_its_own),
        cmocka_unit_test(knows_clients_by_their_network),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
