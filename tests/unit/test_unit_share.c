/*
 * The share of a domain's units that is on new.
 */
#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>

#include "policyd/routing/unit_share.h"
#include "shared/base/attributes.h"

static const char *const transports[] = {"cutover-old", "cutover-new"};
static const struct domain_state_rules state_rules = {
    .transports = transports, .transport_count = ARRAY_LENGTH(transports)};
static const struct route_rules rules = {
    .recipient = {.delimiters = "+", .fold_local_part = true},
    .system_recipients_on_old = true,
};

static struct replica *
replica_with(unsigned people, const char *weight, const char *lists)
{
    const struct domain_field fields[] = {
        {SPAN("old"), SPAN("cutover-old:[192.0.2.10]:25")},
        {SPAN("new"), SPAN("cutover-new:[192.0.2.20]:25")},
        {SPAN("weight"), span_of(weight)},
        {SPAN("lists"), span_of(lists)},
    };
    struct replica *replica = replica_new();
    struct domain_problem problem;

    assert_true(replica_put_domain(replica, SPAN("example.com"),
        domain_state_parse(SPAN("example.com"), fields, ARRAY_LENGTH(fields),
            &state_rules, &problem, NULL, NULL),
        0));
    replica_set_loaded(replica);
    for (unsigned i = 0; i < people; i++) {
        char name[64];

        (void)snprintf(name, sizeof(name), "person%u@example.com", i);
        assert_true(replica_put_member(
            replica, SPAN("example.com"), SPAN("known"), span_of(name)));
    }
    return replica;
}

static double
share_of(const struct replica *replica)
{
    return unit_share_on_new(&rules, replica, SPAN("example.com"), 1795564800);
}

static void
is_that_of_the_weight(void **state)
{
    static const struct {
        unsigned people;
        const char *weight;
        double wanted;
        double room;
    } rows[] = {
        {1000, "0", 0, 0},
        {1000, "30", 0.3, 0.05},
        {100000, "30", 0.3, 0.03},
        {100000, "0.5", 0.005, 0.01},
        {1000, "100", 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct replica *replica = replica_with(rows[i].people, rows[i].weight, "");

        if (fabs(share_of(replica) - rows[i].wanted) > rows[i].room)
            fail_msg("row %zu: %f", i, share_of(replica));
        replica_free(replica);
    }
}

static void
counts_pins_and_lists_as_they_are_routed(void **state)
{
    struct replica *replica = replica_with(10, "0", "it");

    (void)state;
    assert_true(replica_put_pin(replica, SPAN("person0@example.com"), PIN_NEW, 0));
    assert_true(replica_put_member(
        replica, SPAN("example.com"), SPAN("it"), SPAN("person1@example.com")));
    assert_true(
        replica_put_member(replica, SPAN("example.com"), SPAN("known"), SPAN("sales")));
    assert_true(fabs(share_of(replica) - 0.2) < 0.0001);
    replica_free(replica);
}

static void
without_the_list_it_is_not_known(void **state)
{
    struct replica *replica = replica_with(0, "30", "");

    (void)state;
    assert_true(share_of(replica) < 0);
    replica_free(replica);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_that_of_the_weight),
        cmocka_unit_test(counts_pins_and_lists_as_they_are_routed),
        cmocka_unit_test(without_the_list_it_is_not_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
