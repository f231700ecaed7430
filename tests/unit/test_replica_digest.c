/*
 * One number of all that decides routes.
 */
#include "tests/unit/unit.h"

#include "policyd/replica/replica_digest.h"
#include "shared/base/attributes.h"

#include <stdio.h>

enum { PEOPLE = 500 };

static struct domain_state *
make_state(const char *weight, const char *next_hop)
{
    const struct domain_field fields[] = {
        {SPAN("weight"), span_of(weight)},
        {SPAN("old"), SPAN("cutover-old:[old.example]:25")},
        {SPAN("new"), span_of(next_hop)},
    };
    const struct domain_state_rules rules = {0};
    struct domain_problem problem;
    struct domain_state *state = domain_state_parse(
        SPAN("example.com"), fields, ARRAY_LENGTH(fields), &rules, &problem, NULL, NULL);

    assert_non_null(state);
    return state;
}

static void
put_person(struct replica *replica, int number)
{
    char name[64];

    (void)snprintf(name, sizeof(name), "p%d@example.com", number);
    assert_true(replica_put_pin(replica, span_of(name),
        number % 2 == 0 ? PIN_OLD : PIN_NEW, number % 3 == 0 ? 1800000000 : 0));
    assert_true(replica_put_unit(replica, span_of(name), SPAN("team@example.com")));
    assert_true(
        replica_put_member(replica, SPAN("example.com"), SPAN("canary"), span_of(name)));
}

/* The same entries, forward or backward, with what came and went in between. */
static struct replica *
fill(bool backward)
{
    struct replica *replica = replica_new();

    if (backward)
        assert_true(replica_put_pin(replica, SPAN("gone@example.com"), PIN_OLD, 0));
    for (int i = 0; i < PEOPLE; i++)
        put_person(replica, backward ? PEOPLE - 1 - i : i);
    if (backward)
        replica_remove(replica, REPLICA_PIN, SPAN("gone@example.com"));
    assert_true(replica_put_domain(replica, SPAN("example.com"),
        make_state("30", "cutover-new:[new.example]:25"), backward ? 7 : 900));
    return replica;
}

static uint64_t
digest_of(const struct replica *replica, bool without_hops, size_t entries)
{
    struct replica_digest digest;

    replica_digest_begin(&digest, without_hops);
    while (!replica_digest_step(&digest, replica, entries))
        continue;
    return digest.sum;
}

static void
is_the_same_in_whatever_order_and_steps(void **state)
{
    struct replica *one = fill(false);
    struct replica *other = fill(true);

    (void)state;
    assert_true(digest_of(one, false, 1) == digest_of(other, false, 100000));
    assert_true(digest_of(one, false, 7) == digest_of(other, false, 1));
    assert_true(replica_set_suspect(one, SPAN("example.com"), "its key is gone"));
    assert_true(digest_of(one, false, 100) == digest_of(other, false, 100));
    replica_free(one);
    replica_free(other);
}

static void
change_pin(struct replica *replica)
{
    assert_true(replica_put_pin(replica, SPAN("p1@example.com"), PIN_HOLD, 0));
}

static void
change_until(struct replica *replica)
{
    assert_true(replica_put_pin(replica, SPAN("p0@example.com"), PIN_OLD, 1800000001));
}

static void
remove_pin(struct replica *replica)
{
    replica_remove(replica, REPLICA_PIN, SPAN("p1@example.com"));
}

static void
change_unit(struct replica *replica)
{
    assert_true(
        replica_put_unit(replica, SPAN("p1@example.com"), SPAN("other@example.com")));
}

static void
remove_member(struct replica *replica)
{
    replica_remove_member(
        replica, SPAN("example.com"), SPAN("canary"), SPAN("p1@example.com"));
}

static void
move_member(struct replica *replica)
{
    remove_member(replica);
    assert_true(replica_put_member(
        replica, SPAN("example.com"), SPAN("exclude"), SPAN("p1@example.com")));
}

static void
change_weight(struct replica *replica)
{
    assert_true(replica_put_domain(replica, SPAN("example.com"),
        make_state("30.01", "cutover-new:[new.example]:25"), 900));
}

static void
override_weight(struct replica *replica)
{
    const struct replica_override override = {.has_weight = true, .weight = 0};

    assert_true(replica_set_override(replica, SPAN("example.com"), &override));
}

static void
tells_of_each_difference(void **state)
{
    static const struct {
        const char *what;
        void (*change)(struct replica *replica);
    } rows[] = {
        {"a pin's place", change_pin},
        {"a pin's end", change_until},
        {"a pin less", remove_pin},
        {"a unit", change_unit},
        {"a member less", remove_member},
        {"in another list", move_member},
        {"the weight", change_weight},
        {"the override's word", override_weight},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct replica *replica = fill(false);
        uint64_t before = digest_of(replica, false, 100);

        print_message("# %s\n", rows[i].what);
        rows[i].change(replica);
        assert_true(digest_of(replica, false, 100) != before);
        replica_free(replica);
    }
}

/* Two sites have next hops of their own, and answer the same otherwise. */
static void
leaves_next_hops_out_where_they_are_a_sites(void **state)
{
    struct replica *one = fill(false);
    struct replica *other = fill(false);

    (void)state;
    assert_true(replica_put_domain(other, SPAN("example.com"),
        make_state("30", "cutover-new:[new.fra.example]:25"), 900));
    assert_true(digest_of(one, false, 100) != digest_of(other, false, 100));
    assert_true(digest_of(one, true, 100) == digest_of(other, true, 100));
    replica_free(one);
    replica_free(other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_same_in_whatever_order_and_steps),
        cmocka_unit_test(tells_of_each_difference),
        cmocka_unit_test(leaves_next_hops_out_where_they_are_a_sites),
    };

    replica_seed(11);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
