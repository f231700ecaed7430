/*
 * Which backend a message under way is bound to.
 */
#include "tests/unit/unit.h"

#include "policyd/routing/policy_instances.h"

#include <stdio.h>

#define OLD SPAN("cutover-old:[192.0.2.10]:25")
#define NEW SPAN("cutover-new:[192.0.2.20]:25")

static bool
bind_number(struct policy_instances *instances, unsigned number, bool accepted,
    struct span backend)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "%x.1.2.3", number);
    return policy_instances_bind(instances, span_of(name), accepted, backend);
}

static void
binds_a_message_to_its_first_backend(void **state)
{
    struct policy_instances *instances = policy_instances_new();

    (void)state;
    assert_true(policy_instances_bind(instances, SPAN("a"), false, OLD));
    assert_true(policy_instances_bind(instances, SPAN("b"), false, NEW));
    assert_true(policy_instances_bind(instances, SPAN("c"), false, SPAN("")));
    assert_true(policy_instances_bind(instances, SPAN("a"), true, OLD));
    assert_false(policy_instances_bind(instances, SPAN("a"), true, NEW));
    assert_false(policy_instances_bind(instances, SPAN("a"), true, SPAN("")));
    assert_false(policy_instances_bind(instances, SPAN("c"), true, OLD));
    assert_true(policy_instances_bind(instances, SPAN("c"), true, SPAN("")));
    assert_true(policy_instances_bind(instances, SPAN("b"), true, NEW));
    policy_instances_free(instances);
}

/* Its first recipient was answered by a process that is gone, or not by us. */
static void
binds_nothing_that_was_accepted_unseen(void **state)
{
    struct policy_instances *instances = policy_instances_new();

    (void)state;
    assert_false(policy_instances_bind(instances, SPAN("a"), true, OLD));
    assert_false(policy_instances_bind(instances, SPAN("a"), true, NEW));
    assert_false(policy_instances_bind(instances, SPAN("a"), true, SPAN("")));
    assert_int_equal(policy_instances_count(instances), 0);
    policy_instances_free(instances);
}

static void
forgets_what_was_used_longest_ago(void **state)
{
    struct policy_instances *instances = policy_instances_new();

    (void)state;
    assert_true(policy_instances_bind(instances, SPAN("slow"), false, OLD));
    assert_true(policy_instances_bind(instances, SPAN("silent"), false, OLD));
    for (unsigned i = 0; i < 4 * POLICY_INSTANCES_MAX; i++) {
        assert_true(bind_number(instances, i, false, i % 2 == 0 ? OLD : NEW));
        if (i % 100000 == 0)
            assert_false(policy_instances_bind(instances, SPAN("slow"), true, NEW));
        assert_true(policy_instances_count(instances) <= POLICY_INSTANCES_MAX);
    }
    for (unsigned i = 4 * POLICY_INSTANCES_MAX - 100000; i < 4 * POLICY_INSTANCES_MAX;
         i++)
        assert_true(bind_number(instances, i, true, i % 2 == 0 ? OLD : NEW));
    assert_true(policy_instances_bind(instances, SPAN("slow"), true, OLD));
    /* Forgotten, it goes nowhere. */
    assert_false(policy_instances_bind(instances, SPAN("silent"), true, OLD));
    assert_false(policy_instances_bind(instances, SPAN("silent"), true, NEW));
    policy_instances_free(instances);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binds_a_message_to_its_first_backend),
        cmocka_unit_test(binds_nothing_that_was_accepted_unseen),
        cmocka_unit_test(forgets_what_was_used_longest_ago),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
