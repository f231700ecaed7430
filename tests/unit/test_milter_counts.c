/*
 * What a process had in hand when it ended is known, once.
 */
#include "tests/unit/unit.h"

#include <sys/wait.h>
#include <unistd.h>

#include "milters/common/milter_counts.h"

/* A process that ends with so many sessions. */
static pid_t
process_with(int sessions)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct milter_counts *counts = milter_counts_mine();

        atomic_fetch_add(&counts->sessions, sessions);
        atomic_fetch_add(&counts->messages, 1);
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return pid;
}

static void
tells_what_was_left(void **state)
{
    pid_t first;
    pid_t second;

    (void)state;
    milter_counts_share();
    first = process_with(3);
    second = process_with(5);
    assert_int_equal(milter_counts_left(second), 5);
    assert_int_equal(milter_counts_left(first), 3);
    assert_int_equal(milter_counts_left(first), 0);
    assert_int_equal(milter_counts_left(getpid()), 0);
}

/* A place is used again and is empty; without one a process counts for itself. */
static void
has_places_for_all_at_a_time(void **state)
{
    pid_t pids[100];
    int told = 0;

    (void)state;
    for (int i = 0; i < 200; i++)
        assert_int_equal(milter_counts_left(process_with(2)), 2);
    for (int i = 0; i < 100; i++)
        pids[i] = process_with(1);
    for (int i = 0; i < 100; i++)
        told += milter_counts_left(pids[i]);
    assert_int_equal(told, 64);
    assert_int_equal(milter_counts_left(process_with(2)), 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_was_left),
        cmocka_unit_test(has_places_for_all_at_a_time),
    };

    return cmocka_run_group_tests_name("milter_counts", tests, NULL, NULL);
}
