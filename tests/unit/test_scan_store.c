/*
 * Who has to go where memory ends.
 */
#include "tests/unit/unit.h"

#include "milters/scan/scan_store.h"

#include <sys/mman.h>
#include <unistd.h>

static void
the_quietest_goes(void **state)
{
    struct scan_share shares[4] = {0};
    int fd = memfd_create("test", 0);

    (void)state;
    scan_store_set_ceiling(100);
    assert_true(scan_store_grow(&shares[0], fd, 40, 1000));
    assert_true(scan_store_grow(&shares[1], fd, 40, 2000));
    /* Nobody is quiet for long enough: who asks goes. */
    assert_false(scan_store_grow(&shares[2], fd, 40, 3000));
    assert_false(scan_store_grow(&shares[2], fd, 1, 3000));
    assert_int_equal(scan_store_octets(), 80);
    assert_true(scan_store_grow(&shares[0], fd, 5, 4000));
    /* The second has been quiet the longest. */
    assert_true(scan_store_grow(&shares[3], fd, 40, 10000));
    assert_int_equal(scan_store_octets(), 85);
    assert_false(scan_store_grow(&shares[1], fd, 1, 10000));
    assert_false(scan_store_complete(&shares[1]));
    /* What is complete stays, however long. */
    assert_true(scan_store_complete(&shares[0]));
    assert_true(scan_store_complete(&shares[3]));
    scan_store_leave(&shares[1]);
    assert_false(scan_store_grow(&shares[1], fd, 40, 90000));
    for (int i = 0; i < 4; i++)
        scan_store_leave(&shares[i]);
    assert_int_equal(scan_store_octets(), 0);
    assert_true(scan_store_grow(&shares[2], fd, 100, 90000));
    scan_store_leave(&shares[2]);
    (void)close(fd);
}

static void
without_a_ceiling_nobody_goes(void **state)
{
    struct scan_share share = {0};

    (void)state;
    scan_store_set_ceiling(0);
    assert_true(scan_store_grow(&share, -1, UINT64_C(1) << 40, 1));
    scan_store_leave(&share);
    scan_store_leave(&share);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_quietest_goes),
        cmocka_unit_test(without_a_ceiling_nobody_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
