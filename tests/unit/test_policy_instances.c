/*
 * Which backend a message under way is bound to.
 */
#include "tests/unit/unit.h"

#include "policyd/routing/policy_instances.h"

#include <stdio.h>

#define OLD SPAN("cutover-old:[192.0.2.10]:25")
#define NEW SPAN("cutover-new:[192.0.2.20]:25")

static bool
bind_number(
    struct policy_instances *instances, unsigned number, struct span backend, int64_t now)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "%x.1.2.3", number);
    return policy_instances_bind(instances, span_of(name), backend, now);
}

static void
binds_a_message_to_its_first_backend(void **state)
{
    struct policy_instances *instances = policy_instances_new();

    (void)state;
    assert_false(policy_instances_has(instances, SPAN("a"), 1000));
    assert_true(policy_instances_bind(instances, SPAN("a"), OLD, 1000));
    assert_true(policy_instances_bind(instances, SPAN("b"), NEW, 1000));
    assert_true(policy_instances_bind(instances, SPAN("c"), SPAN(""), 1000));
    assert_true(policy_instances_has(instances, SPAN("a"), 1001));
    assert_true(policy_instances_bind(instances, SPAN("a"), OLD, 1001));
    assert_false(policy_instances_bind(instances, SPAN("a"), NEW, 1001));
    assert_false(policy_instances_bind(instances, SPAN("a"), SPAN(""), 1001));
    assert_false(policy_instances_bind(instances, SPAN("c"), OLD, 1001));
    assert_true(policy_instances_bind(instances, SPAN("b"), NEW, 1001));
    policy_instances_free(instances);
}

static void
forgets_only_what_nobody_uses(void **state)
{
    struct policy_instances *instances = policy_instances_new();

    (void)state;
    assert_true(policy_instances_bind(instances, SPAN("a"), OLD, 1000));
    assert_true(
        policy_instances_bind(instances, SPAN("a"), OLD, 1000 + POLICY_INSTANCE_SECONDS));
    assert_false(policy_instances_bind(
        instances, SPAN("a"), NEW, 1000 + 2 * POLICY_INSTANCE_SECONDS));
    assert_true(policy_instances_bind(
        instances, SPAN("a"), NEW, 1001 + 2 * POLICY_INSTANCE_SECONDS));
    policy_instances_free(instances);
}

static void
grows_up_to_its_ceiling_and_shrinks(void **state)
{
    struct policy_instances *instances = policy_instances_new();

    (void)state;
    for (unsigned i = 0; i < POLICY_INSTANCES_MAX; i++)
        assert_true(bind_number(instances, i, i % 2 == 0 ? OLD : NEW, 1000));
    assert_int_equal(policy_instances_count(instances), POLICY_INSTANCES_MAX);
    assert_false(bind_number(instances, POLICY_INSTANCES_MAX, OLD, 1001));
    for (unsigned i = 0; i < POLICY_INSTANCES_MAX; i++)
        assert_true(bind_number(instances, i, i % 2 == 0 ? OLD : NEW, 1002));
    assert_true(bind_number(
        instances, POLICY_INSTANCES_MAX, OLD, 1003 + POLICY_INSTANCE_SECONDS));
    assert_int_equal(policy_instances_count(instances), 1);
    for (unsigned i = 0; i < 1000; i++)
        assert_true(bind_number(instances, i, NEW, 1003 + POLICY_INSTANCE_SECONDS));
    policy_instances_free(instances);
}

static void
reads_when_a_transaction_began(void **state)
{
    (void)state;
    assert_int_equal(policy_instance_began(SPAN("1f4.6741b2c8.3b2e1.0")), 0x6741b2c8);
    assert_int_equal(policy_instance_began(SPAN("123.456.7")), 0);
    assert_int_equal(policy_instance_began(SPAN("1.2.3.4.5")), 0);
    assert_int_equal(policy_instance_began(SPAN("1.x.3.4")), 0);
    assert_int_equal(policy_instance_began(SPAN("1..3.4")), 0);
    assert_int_equal(policy_instance_began(SPAN("1.1234567890abc.3.4")), 0);
    assert_int_equal(policy_instance_began(SPAN("")), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binds_a_message_to_its_first_backend),
        cmocka_unit_test(forgets_only_what_nobody_uses),
        cmocka_unit_test(grows_up_to_its_ceiling_and_shrinks),
        cmocka_unit_test(reads_when_a_transaction_began),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
