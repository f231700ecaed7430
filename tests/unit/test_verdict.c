/*
 * A verdict's edits: in their order, and never one more than there is room for.
 */
#include "tests/unit/unit.h"

#include "milters/protocol/verdict.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void
keeps_edits_in_their_order(void **state)
{
    struct arena *arena = arena_new(1 << 16);
    struct verdict verdict = {.action = VERDICT_ACCEPT};

    (void)state;
    verdict_room(&verdict, arena, 2);
    verdict_delete(&verdict, "A", 7);
    verdict_insert(&verdict, "B", "b");
    verdict_room(&verdict, arena, 3);
    verdict_append(&verdict, "C", "c");
    assert_int_equal(verdict.edit_count, 3);
    assert_int_equal(verdict.edits[0].kind, VERDICT_DELETE);
    assert_int_equal(verdict.edits[0].number, 7);
    assert_null(verdict.edits[0].value);
    assert_int_equal(verdict.edits[1].kind, VERDICT_INSERT);
    assert_string_equal(verdict.edits[1].value, "b");
    assert_int_equal(verdict.edits[2].kind, VERDICT_APPEND);
    assert_string_equal(verdict.edits[2].name, "C");
    arena_free(arena);
}

/* Also in a release: a field written behind the edits would be another's memory. */
static void
ends_the_process_at_one_too_many(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        struct verdict verdict = {.action = VERDICT_ACCEPT};
        const struct rlimit none = {0, 0};

        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO);
        verdict_room(&verdict, arena_new(1 << 16), 1);
        verdict_append(&verdict, "A", "a");
        verdict_append(&verdict, "B", "b");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_edits_in_their_order),
        cmocka_unit_test(ends_the_process_at_one_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
