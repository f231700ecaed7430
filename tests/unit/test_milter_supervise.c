#include <event2/event.h>
#include <signal.h>
#include <unistd.h>

#include "milters/common/milter_supervise.h"
#include "tests/unit/unit.h"

/* A child that never says that it is ready: it hands on the first word it is told. */
static int
hand_on(void *argument, int control)
{
    const int *ends = argument;
    char word = 0;

    if (read(control, &word, 1) == 1)
        (void)!write(ends[1], &word, 1);
    return 0;
}

/* The same, and deaf. */
static int
wait_for_a_signal(void *argument, int control)
{
    (void)argument;
    (void)control;
    return pause();
}

static struct event_base *base;

static void
was_the_first_to_go(void *argument, pid_t pid)
{
    (void)argument;
    (void)pid;
    (void)event_base_loopbreak(base);
}

static void
have_all_gone(void *argument)
{
    (void)argument;
    (void)event_base_loopbreak(base);
}

/* Until the child that a reload found getting ready is gone. */
static void
reload(struct supervise_role role)
{
    const struct supervise_hooks hooks = {.stopped = have_all_gone};
    struct supervise *supervise;

    base = event_base_new();
    supervise = supervise_new(base, &hooks);
    role.name = "serving";
    role.says_ready = true;
    role.gone = was_the_first_to_go;
    supervise_add(supervise, &role);
    supervise_reload(supervise);
    assert_int_equal(event_base_dispatch(base), 0);
    supervise_stop(supervise);
    assert_int_equal(event_base_dispatch(base), 0);
    supervise_free(supervise);
    event_base_free(base);
}

/* It may serve before it is known to be ready: its sessions are to be finished. */
static void
one_that_gets_ready_is_told_to_drain(void **state)
{
    int ends[2];
    char word = 0;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    reload((struct supervise_role){
        .run = hand_on, .argument = ends, .keep = {ends[1]}, .keep_count = 1});
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &word, 1), 1);
    assert_int_equal(word, SUPERVISE_DRAIN);
    (void)close(ends[0]);
}

static void
one_that_gets_ready_for_long_is_ended(void **state)
{
    (void)state;
    reload((struct supervise_role){.run = wait_for_a_signal, .starts_long = true});
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_gets_ready_is_told_to_drain),
        cmocka_unit_test(one_that_gets_ready_for_long_is_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
