/*
 * Who gives way to whom.
 */
#include "tests/unit/unit.h"

#include "milters/scan/scan_lane.h"
#include "shared/base/attributes.h"

#include <sys/socket.h>
#include <unistd.h>

static void
chooses_who_gives_way(void **state)
{
    static const struct {
        const char *what;
        struct scan_lane_watch watches[3];
        uint64_t waited_ms;
        bool gets_on;
        int chosen;
    } rows[] = {
        {"nobody has a job", {{0}, {0}, {0}}, 9999, false, -1},
        {"all are short", {{1, 0, 20}, {2, 0, 599}, {0}}, 0, false, -1},
        {"one is long", {{1, 0, 20}, {2, 0, 600}, {0}}, 0, false, 1},
        {"the longest of them", {{1, 0, 700}, {2, 0, 600}, {3, 0, 5000}}, 0, false, 2},
        {"who has waited sees less as long", {{1, 0, 20}, {2, 0, 150}, {3, 0, 149}}, 300,
            false, 1},
        {"but not anything", {{1, 0, 20}, {2, 0, 149}, {0}}, 5000, false, -1},
        {"used for a job that has ended", {{0, 0, 9999}, {2, 0, 0}, {0}}, 5000, false,
            -1},
        {"others get on", {{1, 0, 20}, {2, 0, 5000}, {0}}, 999, true, -1},
        {"others get on too slowly", {{1, 0, 200}, {2, 0, 5000}, {0}}, 1000, true, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct scan_lane_watch *watches[3] = {
            &rows[i].watches[0], &rows[i].watches[1], &rows[i].watches[2]};

        if (scan_lane_choose(watches, 3, rows[i].waited_ms, rows[i].gets_on) !=
            rows[i].chosen)
            fail_msg("%s", rows[i].what);
    }
}

static void
counts_the_time_of_a_job(void **state)
{
    struct scan_lane_watch watch = {0};

    (void)state;
    scan_lane_look(&watch, getpid(), 7);
    assert_int_equal(watch.used_ms, 0);
    while (watch.used_ms < 20)
        scan_lane_look(&watch, getpid(), 7);
    scan_lane_look(&watch, getpid(), 8);
    assert_int_equal(watch.used_ms, 0);
    scan_lane_look(&watch, getpid(), 0);
    assert_int_equal(watch.job, 0);
}

static void
sees_what_waits(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    assert_false(scan_lane_has_waiting(ends[1]));
    assert_int_equal(write(ends[0], "x", 1), 1);
    assert_true(scan_lane_has_waiting(ends[1]));
    (void)close(ends[0]);
    (void)close(ends[1]);
    assert_int_equal(scan_lane_most(1), 1);
    assert_int_equal(scan_lane_most(2), 1);
    assert_int_equal(scan_lane_most(8), 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses_who_gives_way),
        cmocka_unit_test(counts_the_time_of_a_job),
        cmocka_unit_test(sees_what_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
