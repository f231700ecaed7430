#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "policyd/replica/replica_guard.h"
#include "shared/base/attributes.h"

static struct span
numbered(const char *what, size_t i)
{
    static char text[64];

    snprintf(text, sizeof(text), "%s%zu@example.com", what, i);
    return span_of(text);
}

static struct replica *
replica_of(size_t pins, size_t units)
{
    struct replica *replica = replica_new();

    for (size_t i = 0; i < pins; i++)
        replica_put_pin(replica, numbered("pin", i), PIN_NEW, (int64_t)i);
    for (size_t i = 0; i < units; i++)
        replica_put_unit(replica, numbered("unit", i), SPAN("team"));
    return replica;
}

/* How many of `count` pins may go, at `step_ms` between them. */
static size_t
lose_pins(
    struct replica_guard *guard, struct replica *replica, size_t count, uint64_t step_ms)
{
    for (size_t i = 0; i < count; i++) {
        if (!replica_guard_may_lose(
                guard, replica, REPLICA_PIN, numbered("pin", i), i * step_ms))
            return i;
        replica_remove(replica, REPLICA_PIN, numbered("pin", i));
    }
    return count;
}

static void
too_many_is_more_than_a_hundred_and_one_percent(void **state)
{
    static const struct {
        size_t lost;
        size_t total;
        bool too_many;
    } rows[] = {
        {0, 0, false},
        {100, 100, false},
        {101, 101, true},
        {101, 10099, true},
        {101, 10100, false},
        {102, 10100, true},
        {1000, 1000000, false},
        {10000, 1000000, false},
        {10001, 1000000, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        assert_int_equal(
            replica_guard_too_many(rows[i].lost, rows[i].total), rows[i].too_many);
}

static void
losses_are_orders_up_to_the_limit(void **state)
{
    struct replica_guard *guard = replica_guard_new();
    struct replica *replica = replica_of(500, 0);
    struct pin pin;

    (void)state;
    assert_int_equal(lose_pins(guard, replica, 500, 10), 100);
    assert_int_equal(replica_count(replica, REPLICA_PIN), 400);
    assert_int_equal(replica_guard_restore(guard, replica, 2000, NULL, NULL), 100);
    assert_int_equal(replica_count(replica, REPLICA_PIN), 500);
    assert_true(replica_find_pin(replica, numbered("pin", 42), &pin));
    assert_int_equal(pin.place, PIN_NEW);
    assert_int_equal(pin.until, 42);
    assert_int_equal(replica_guard_restore(guard, replica, 2000, NULL, NULL), 0);
    replica_free(replica);
    replica_guard_free(guard);
}

static void
slow_losses_are_orders(void **state)
{
    struct replica_guard *guard = replica_guard_new();
    struct replica *replica = replica_of(500, 0);

    (void)state;
    assert_int_equal(lose_pins(guard, replica, 500, 700), 500);
    replica_free(replica);
    replica_guard_free(guard);
}

static void
what_is_written_again_is_no_loss(void **state)
{
    struct replica_guard *guard = replica_guard_new();
    struct replica *replica = replica_of(10, 0);

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        assert_true(
            replica_guard_may_lose(guard, replica, REPLICA_PIN, numbered("pin", 1), i));
        replica_remove(replica, REPLICA_PIN, numbered("pin", 1));
        replica_put_pin(replica, numbered("pin", 1), PIN_OLD, 0);
        replica_guard_found(guard, REPLICA_PIN, numbered("pin", 1));
    }
    assert_int_equal(replica_guard_lost(guard, REPLICA_PIN, 1000), 0);
    replica_free(replica);
    replica_guard_free(guard);
}

static void
what_went_long_ago_does_not_come_back(void **state)
{
    struct replica_guard *guard = replica_guard_new();
    struct replica *replica = replica_of(0, 3);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(replica_guard_may_lose(
            guard, replica, REPLICA_UNIT, numbered("unit", i), i * 40 * 1000));
        replica_remove(replica, REPLICA_UNIT, numbered("unit", i));
    }
    assert_int_equal(replica_guard_lost(guard, REPLICA_UNIT, 80 * 1000), 2);
    assert_int_equal(replica_guard_restore(guard, replica, 80 * 1000, NULL, NULL), 2);
    assert_int_equal(replica_find_unit(replica, numbered("unit", 0)).length, 0);
    assert_true(span_is(replica_find_unit(replica, numbered("unit", 2)), "team"));
    replica_free(replica);
    replica_guard_free(guard);
}

static void
restoring_does_not_undo_later_orders(void **state)
{
    struct replica_guard *guard = replica_guard_new();
    struct replica *replica = replica_of(3, 0);
    struct pin pin;

    (void)state;
    assert_int_equal(lose_pins(guard, replica, 3, 1), 3);
    replica_put_pin(replica, numbered("pin", 1), PIN_HOLD, 0);
    assert_int_equal(replica_guard_restore(guard, replica, 10, NULL, NULL), 2);
    assert_true(replica_find_pin(replica, numbered("pin", 1), &pin));
    assert_int_equal(pin.place, PIN_HOLD);
    replica_free(replica);
    replica_guard_free(guard);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_many_is_more_than_a_hundred_and_one_percent),
        cmocka_unit_test(losses_are_orders_up_to_the_limit),
        cmocka_unit_test(slow_losses_are_orders),
        cmocka_unit_test(what_is_written_again_is_no_loss),
        cmocka_unit_test(what_went_long_ago_does_not_come_back),
        cmocka_unit_test(restoring_does_not_undo_later_orders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
