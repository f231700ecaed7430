/*
 * Many allocations, one release.
 */
#include "tests/unit/unit.h"

#include "shared/base/arena.h"

#include <signal.h>
#include <stdalign.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
gives_zeroed_and_aligned_memory(void **state)
{
    struct arena *arena = arena_new(1 << 20);

    (void)state;
    for (size_t size = 0; size < 300; size++) {
        unsigned char *taken = arena_take(arena, size);

        assert_int_equal((uintptr_t)taken % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(taken[i], 0);
        memset(taken, 0xff, size);
    }
    arena_free(arena);
    arena_free(NULL);
}

static void
keeps_what_was_taken_before(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    const char *first = arena_text(arena, SPAN("first"));
    const char *large = memset(arena_take(arena, 10000), 'x', 9999);
    struct span copy = arena_span(arena, SPAN("a\0b"));
    const char *last = arena_printf(arena, "%d-%s", 42, first);

    (void)state;
    for (int i = 0; i < 1000; i++)
        memset(arena_take(arena, 100), 'y', 100);
    assert_string_equal(first, "first");
    assert_int_equal(strlen(large), 9999);
    assert_true(span_equal(copy, SPAN("a\0b")));
    assert_string_equal(last, "42-first");
    assert_string_equal(arena_text(arena, span_of(NULL)), "");
    arena_free(arena);
}

static void
counts_from_nothing_after_a_reset(void **state)
{
    struct arena *arena = arena_new(8192);

    (void)state;
    for (int i = 0; i < 100; i++) {
        const unsigned char *taken = arena_take(arena, 6000);

        assert_int_equal(taken[0] + taken[5999], 0);
        arena_reset(arena);
    }
    arena_free(arena);
}

static void
ends_the_process_above_its_ceiling(void **state)
{
    static const size_t sizes[] = {4097, SIZE_MAX, SIZE_MAX - 8};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        pid_t child = fork();
        int status;

        if (child == 0) {
            struct arena *arena = arena_new(4096);

            (void)signal(SIGABRT, SIG_DFL);
            (void)arena_take(arena, sizes[i]);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_zeroed_and_aligned_memory),
        cmocka_unit_test(keeps_what_was_taken_before),
        cmocka_unit_test(counts_from_nothing_after_a_reset),
        cmocka_unit_test(ends_the_process_above_its_ceiling),
    };

    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
