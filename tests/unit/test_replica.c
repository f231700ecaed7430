/*
 * The tables in memory: what is put is found, what is removed is gone, and neither a
 * million entries nor a long life costs more than it may.
 */
#include "tests/unit/unit.h"

#include "policyd/replica/packed_table.h"
#include "policyd/replica/replica.h"
#include "shared/base/attributes.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct domain_state *
make_state(const char *weight)
{
    const struct domain_field fields[] = {
        {SPAN("weight"), span_of(weight)},
        {SPAN("old"), SPAN("cutover-old:[old.example]:25")},
        {SPAN("new"), SPAN("cutover-new:[new.example]:25")},
    };
    const struct domain_state_rules rules = {0};
    struct domain_problem problem;
    struct domain_state *state = domain_state_parse(
        SPAN("example.com"), fields, ARRAY_LENGTH(fields), &rules, &problem, NULL, NULL);

    assert_non_null(state);
    return state;
}

static struct span
numbered(char name[64], const char *what, size_t number)
{
    int length = snprintf(name, 64, "%s%08zu@example.com", what, number);

    return span_make(name, (size_t)length);
}

static void
keeps_domains(void **state)
{
    struct replica *replica = replica_new();
    struct replica_domain found;

    (void)state;
    assert_false(replica_find_domain(replica, SPAN("example.com"), &found));
    assert_true(replica_put_domain(replica, SPAN("example.com"), make_state("30"), 7));
    assert_true(replica_find_domain(replica, SPAN("example.com"), &found));
    assert_true(found.ours);
    assert_int_equal(found.state->weight, 3000);
    assert_int_equal(found.rev, 7);
    assert_false(found.suspect);
    assert_null(found.why);
    assert_false(replica_find_domain(replica, SPAN("example.co"), &found));

    assert_true(replica_set_suspect(replica, SPAN("example.com"), "its key is gone"));
    assert_true(replica_put_domain(replica, SPAN("example.com"), make_state("40"), 8));
    assert_true(replica_find_domain(replica, SPAN("example.com"), &found));
    assert_int_equal(found.state->weight, 4000);
    assert_true(found.suspect);
    assert_string_equal(found.why, "its key is gone");
    assert_true(replica_set_suspect(replica, SPAN("example.com"), NULL));
    assert_true(replica_find_domain(replica, SPAN("example.com"), &found));
    assert_false(found.suspect);

    /* Forgotten, but ours. */
    assert_true(replica_put_domain(replica, SPAN("example.com"), NULL, 9));
    assert_true(replica_find_domain(replica, SPAN("example.com"), &found));
    assert_true(found.ours);
    assert_null(found.state);
    assert_int_equal(replica_domain_count(replica), 1);
    replica_remove_domain(replica, SPAN("example.com"));
    assert_false(replica_find_domain(replica, SPAN("example.com"), &found));
    assert_int_equal(replica_domain_count(replica), 0);
    replica_free(replica);
}

static void
knows_of_domains_that_are_not_ours(void **state)
{
    const struct replica_override old = {.has_mode = true, .mode = DOMAIN_MODE_OLD};
    struct replica *replica = replica_new();
    struct replica_domain found;

    (void)state;
    assert_true(replica_set_override(replica, SPAN("a.example"), &old));
    assert_true(replica_set_suspect(replica, SPAN("b.example"), "weight: abc"));
    assert_int_equal(replica_domain_count(replica), 0);
    assert_true(replica_find_domain(replica, SPAN("a.example"), &found));
    assert_false(found.ours);
    assert_true(found.override.has_mode);
    assert_true(replica_find_domain(replica, SPAN("b.example"), &found));
    assert_false(found.ours);

    /* What says nothing any more is gone; an override outlives its domain. */
    assert_true(replica_set_suspect(replica, SPAN("b.example"), NULL));
    assert_false(replica_find_domain(replica, SPAN("b.example"), &found));
    assert_true(replica_set_suspect(replica, SPAN("c.example"), NULL));
    assert_false(replica_find_domain(replica, SPAN("c.example"), &found));
    assert_true(replica_put_domain(replica, SPAN("a.example"), make_state("1"), 0));
    replica_remove_domain(replica, SPAN("a.example"));
    assert_true(replica_find_domain(replica, SPAN("a.example"), &found));
    assert_false(found.ours);
    assert_null(found.state);
    assert_true(replica_put_domain(replica, SPAN("d.example"), make_state("1"), 0));
    assert_true(replica_set_override(replica, SPAN("d.example"), &old));
    replica_clear_overrides(replica);
    assert_false(replica_find_domain(replica, SPAN("a.example"), &found));
    assert_true(replica_find_domain(replica, SPAN("d.example"), &found));
    assert_false(found.override.has_mode);
    replica_free(replica);
}

static void
cuts_a_long_reason(void **state)
{
    struct replica *replica = replica_new();
    struct replica_domain found;
    char why[1000];

    (void)state;
    memset(why, 'x', sizeof(why));
    why[sizeof(why) - 1] = '\0';
    assert_true(replica_set_suspect(replica, SPAN("a.example"), why));
    assert_true(replica_find_domain(replica, SPAN("a.example"), &found));
    assert_int_equal(strlen(found.why), REPLICA_WHY_MAX - 1);
    replica_free(replica);
}

static void
keeps_pins_and_units(void **state)
{
    struct replica *replica = replica_new();
    struct pin pin;

    (void)state;
    assert_false(replica_find_pin(replica, SPAN("a@example.com"), &pin));
    assert_int_equal(pin.place, PIN_NONE);
    assert_true(replica_put_pin(replica, SPAN("a@example.com"), PIN_HOLD, 0));
    assert_true(replica_put_pin(replica, SPAN("b@example.com"), PIN_NEW, 1795521600));
    assert_true(replica_put_pin(replica, SPAN("c@example.com"), PIN_BAD, 0));
    assert_true(replica_find_pin(replica, SPAN("a@example.com"), &pin));
    assert_int_equal(pin.place, PIN_HOLD);
    assert_int_equal(pin.until, 0);
    assert_int_equal(pin.note.length, 0);
    assert_true(replica_find_pin(replica, SPAN("b@example.com"), &pin));
    assert_int_equal(pin.until, 1795521600);
    assert_int_equal(replica_count(replica, REPLICA_PIN), 3);

    /* Longer, shorter, and none. */
    assert_true(replica_put_pin(replica, SPAN("a@example.com"), PIN_OLD, -5));
    assert_true(replica_find_pin(replica, SPAN("a@example.com"), &pin));
    assert_int_equal(pin.place, PIN_OLD);
    assert_int_equal(pin.until, -5);
    assert_true(replica_put_pin(replica, SPAN("a@example.com"), PIN_STANDBY, 0));
    assert_true(replica_find_pin(replica, SPAN("a@example.com"), &pin));
    assert_int_equal(pin.place, PIN_STANDBY);
    assert_int_equal(pin.until, 0);
    assert_true(replica_put_pin(replica, SPAN("a@example.com"), PIN_NONE, 0));
    assert_false(replica_find_pin(replica, SPAN("a@example.com"), &pin));
    replica_remove(replica, REPLICA_PIN, SPAN("a@example.com"));
    assert_int_equal(replica_count(replica, REPLICA_PIN), 2);

    assert_int_equal(replica_find_unit(replica, SPAN("a@example.com")).length, 0);
    assert_true(replica_put_unit(replica, SPAN("a@example.com"), SPAN("alice")));
    assert_true(replica_put_unit(replica, SPAN("a@example.com"), SPAN("a longer name")));
    assert_true(
        span_is(replica_find_unit(replica, SPAN("a@example.com")), "a longer name"));
    assert_int_equal(replica_count(replica, REPLICA_UNIT), 1);
    assert_true(replica_put_unit(replica, SPAN("a@example.com"), SPAN("")));
    assert_int_equal(replica_count(replica, REPLICA_UNIT), 0);
    replica_remove(replica, REPLICA_UNIT, SPAN("a@example.com"));
    replica_free(replica);
}

static void
keeps_lists_apart(void **state)
{
    struct replica *replica = replica_new();
    uint64_t cursor = 0;
    struct span domain;
    struct span list;
    struct span unit;
    size_t count;
    size_t lists = 0;

    (void)state;
    assert_true(replica_put_member(replica, SPAN("ab"), SPAN("c"), SPAN("u1")));
    assert_true(replica_put_member(replica, SPAN("a"), SPAN("bc"), SPAN("u2")));
    assert_true(replica_put_member(replica, SPAN("a"), SPAN("bc"), SPAN("u3")));
    assert_true(replica_put_member(replica, SPAN("a"), SPAN("bc"), SPAN("u3")));
    assert_true(replica_list_has(replica, SPAN("ab"), SPAN("c"), SPAN("u1")));
    assert_false(replica_list_has(replica, SPAN("a"), SPAN("bc"), SPAN("u1")));
    assert_false(replica_list_has(replica, SPAN("a"), SPAN("b"), SPAN("u2")));
    assert_int_equal(replica_list_count(replica, SPAN("a"), SPAN("bc")), 2);
    assert_int_equal(replica_list_count(replica, SPAN("ab"), SPAN("c")), 1);
    assert_int_equal(replica_list_count(replica, SPAN("x"), SPAN("c")), 0);
    assert_int_equal(replica_member_count(replica), 3);

    while (replica_next_list(replica, &cursor, &domain, &list, &count)) {
        lists++;
        assert_true((span_is(domain, "a") && span_is(list, "bc") && count == 2) ||
                    (span_is(domain, "ab") && span_is(list, "c") && count == 1));
    }
    assert_int_equal(lists, 2);
    cursor = 0;
    assert_true(replica_next_member(replica, SPAN("ab"), SPAN("c"), &cursor, &unit));
    assert_true(span_is(unit, "u1"));
    assert_false(replica_next_member(replica, SPAN("ab"), SPAN("c"), &cursor, &unit));
    cursor = 0;
    assert_false(replica_next_member(replica, SPAN("ab"), SPAN("d"), &cursor, &unit));

    replica_remove_member(replica, SPAN("ab"), SPAN("c"), SPAN("u9"));
    replica_remove_member(replica, SPAN("ab"), SPAN("d"), SPAN("u1"));
    assert_int_equal(replica_member_count(replica), 3);
    replica_remove_member(replica, SPAN("ab"), SPAN("c"), SPAN("u1"));
    assert_int_equal(replica_list_count(replica, SPAN("ab"), SPAN("c")), 0);
    cursor = 0;
    assert_true(replica_next_list(replica, &cursor, &domain, &list, &count));
    assert_true(span_is(list, "bc"));
    assert_false(replica_next_list(replica, &cursor, &domain, &list, &count));
    replica_free(replica);
}

static void
refuses_names_and_numbers_beyond_its_ceilings(void **state)
{
    static char longest[REPLICA_NAME_MAX + 1];
    const struct span most = span_make(longest, REPLICA_NAME_MAX);
    const struct span more = span_make(longest, REPLICA_NAME_MAX + 1);
    const struct span none = {NULL, 0};
    struct replica *replica = replica_new();
    struct pin pin;
    char name[64];

    (void)state;
    memset(longest, 'a', sizeof(longest));
    assert_true(replica_put_pin(replica, most, PIN_OLD, 0));
    assert_true(replica_find_pin(replica, most, &pin));
    assert_false(replica_put_pin(replica, more, PIN_OLD, 0));
    assert_false(replica_put_pin(replica, none, PIN_OLD, 0));
    assert_false(replica_find_pin(replica, more, &pin));
    assert_false(replica_find_pin(replica, none, &pin));
    assert_true(replica_put_unit(replica, most, most));
    assert_int_equal(replica_find_unit(replica, most).length, REPLICA_NAME_MAX);
    assert_false(replica_put_unit(replica, more, SPAN("u")));
    assert_false(replica_put_unit(replica, SPAN("u"), more));
    assert_true(replica_put_member(replica, most, most, most));
    assert_false(replica_put_member(replica, more, SPAN("l"), SPAN("u")));
    assert_false(replica_put_member(replica, SPAN("d"), more, SPAN("u")));
    assert_false(replica_put_member(replica, SPAN("d"), SPAN("l"), more));
    assert_false(replica_put_member(replica, SPAN("d"), SPAN("l"), none));
    assert_int_equal(replica_list_count(replica, SPAN("d"), SPAN("l")), 0);
    assert_false(replica_put_domain(replica, more, make_state("1"), 0));
    for (size_t i = 0; i < REPLICA_DOMAINS_MAX; i++)
        assert_true(replica_put_domain(replica, numbered(name, "d", i), NULL, 0));
    assert_false(replica_put_domain(replica, SPAN("more"), make_state("1"), 0));
    assert_false(replica_set_suspect(replica, SPAN("more"), "why"));
    assert_true(replica_put_domain(replica, numbered(name, "d", 0), make_state("1"), 0));
    assert_int_equal(replica_domain_count(replica), REPLICA_DOMAINS_MAX);
    replica_free(replica);
    replica_free(NULL);
}

enum { MANY = 200000 };

/* Going through while much comes and goes: what stays is met once, whatever happens. */
static void
is_gone_through_undisturbed(void **state)
{
    struct replica *replica = replica_new();
    unsigned char *met = calloc(MANY, 1);
    uint64_t cursor = 0;
    struct span name;
    struct span value;
    char text[64];
    size_t step = 0;

    (void)state;
    assert_non_null(met);
    for (size_t i = 0; i < MANY; i++)
        assert_true(replica_put_pin(replica, numbered(text, "p", i), PIN_OLD, 0));
    while (replica_next(replica, REPLICA_PIN, &cursor, &name, &value)) {
        size_t number = (size_t)strtoul(name.data + 1, NULL, 10);

        if (name.data[0] == 'p')
            met[number]++;
        /* Of each three, one is replaced by a longer one, one goes, one stays. */
        if (step < MANY) {
            struct span other = numbered(text, "p", step);

            if (step % 3 == 0)
                assert_true(replica_put_pin(replica, other, PIN_NEW, 1 + (int64_t)step));
            else if (step % 3 == 1)
                replica_remove(replica, REPLICA_PIN, other);
            assert_true(replica_put_pin(replica, numbered(text, "q", step), PIN_OLD, 0));
            step++;
        }
    }
    for (size_t i = 0; i < MANY; i++)
        assert_true(i % 3 == 1 ? met[i] <= 1 : met[i] == 1);
    free(met);
    replica_free(replica);
}

static void
may_be_emptied_while_gone_through(void **state)
{
    struct replica *replica = replica_new();
    uint64_t cursor = 0;
    struct span name;
    struct span value;
    char text[64];
    size_t met = 0;

    (void)state;
    for (size_t i = 0; i < MANY; i++)
        assert_true(replica_put_pin(replica, numbered(text, "p", i), PIN_OLD, 0));
    while (replica_next(replica, REPLICA_PIN, &cursor, &name, &value)) {
        replica_remove(replica, REPLICA_PIN, name);
        met++;
    }
    assert_int_equal(met, MANY);
    assert_int_equal(replica_count(replica, REPLICA_PIN), 0);
    cursor = 0;
    assert_false(replica_next(replica, REPLICA_PIN, &cursor, &name, &value));
    replica_free(replica);
}

static void
takes_little_memory_and_stays_there(void **state)
{
    struct replica *replica = replica_new();
    size_t settled;
    char text[64];

    (void)state;
    for (size_t i = 0; i < MANY; i++)
        assert_true(replica_put_pin(replica, numbered(text, "user", i), PIN_OLD, 0));
    settled = replica_memory(replica);
    print_message("# %zu octets a pin\n", settled / MANY);
    assert_true(settled / MANY <= 80);
    /* Replaced ten times over, removed and put again: holes are moved together. */
    for (size_t round = 0; round < 10; round++) {
        for (size_t i = 0; i < MANY; i++)
            assert_true(replica_put_pin(replica, numbered(text, "user", i), PIN_NEW,
                round % 2 == 0 ? 1795521600 : 0));
        for (size_t i = round; i < MANY; i += 5) {
            replica_remove(replica, REPLICA_PIN, numbered(text, "user", i));
            assert_true(replica_put_pin(replica, numbered(text, "user", i), PIN_NEW, 0));
        }
    }
    print_message("# %zu octets a pin later\n", replica_memory(replica) / MANY);
    assert_true(replica_memory(replica) / MANY <= 110);
    assert_int_equal(replica_count(replica, REPLICA_PIN), MANY);
    for (size_t i = 0; i < MANY; i++)
        replica_remove(replica, REPLICA_PIN, numbered(text, "user", i));
    print_message("# %zu octets when empty\n", replica_memory(replica));
    assert_true(replica_memory(replica) < settled);
    replica_free(replica);
}

#ifndef POSTSHIFT_SANITIZED
static struct replica *
make_large(void)
{
    struct replica *replica = replica_new();
    char text[64];

    for (size_t i = 0; i < MANY; i++) {
        assert_true(replica_put_pin(replica, numbered(text, "p", i), PIN_OLD, 0));
        assert_true(
            replica_put_member(replica, SPAN("d"), SPAN("l"), numbered(text, "u", i)));
    }
    return replica;
}

static size_t
octets_of_the_system(void)
{
    struct mallinfo2 information = mallinfo2();

    return information.arena + information.hblkhd;
}

/* With the allocator that runs in production: each reload replaces the replica, and of
 * the former one nothing stays, neither in use nor as a hole in the heap. */
static void
gives_everything_back(void **state)
{
    size_t before = octets_of_the_system();
    struct replica *replica = make_large();
    size_t settled = octets_of_the_system();

    (void)state;
    for (size_t round = 0; round < 3; round++) {
        struct replica *next = make_large();

        replica_free(replica);
        replica = next;
        print_message("# %zu octets before, %zu settled, %zu now\n", before, settled,
            octets_of_the_system());
        assert_true(octets_of_the_system() <= settled + (4 << 20));
    }
    replica_free(replica);
    assert_true(octets_of_the_system() <= before + (4 << 20));
}
#endif

/* The same with long values, which is what units have. */
static void
holds_what_a_simple_list_would(void **state)
{
    enum { KEYS = 600, STEPS = 40000 };
    static char values[KEYS][80];
    struct replica *replica = replica_new();
    uint32_t random = 1;
    size_t count = 0;
    char text[64];

    (void)state;
    memset(values, 0, sizeof(values));
    for (size_t step = 0; step < STEPS; step++) {
        size_t key;
        size_t length;
        struct span name;

        random = random * 1664525 + 1013904223;
        key = (random >> 8) % KEYS;
        length = (random >> 20) % 60;
        name = numbered(text, "r", key);
        count -= values[key][0] != '\0';
        memset(values[key], 0, sizeof(values[key]));
        memset(values[key], 'a' + (int)(random >> 28), length);
        count += length != 0;
        assert_true(replica_put_unit(replica, name, span_of(values[key])));
        assert_true(span_is(replica_find_unit(replica, name), values[key]));
        assert_int_equal(replica_count(replica, REPLICA_UNIT), count);
    }
    for (size_t key = 0; key < KEYS; key++)
        assert_true(
            span_is(replica_find_unit(replica, numbered(text, "r", key)), values[key]));
    replica_free(replica);
}

static void
remembers_that_it_was_loaded(void **state)
{
    struct replica *replica = replica_new();

    (void)state;
    assert_false(replica_is_loaded(replica));
    replica_set_loaded(replica);
    assert_true(replica_is_loaded(replica));
    replica_free(replica);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_domains),
        cmocka_unit_test(knows_of_domains_that_are_not_ours),
        cmocka_unit_test(cuts_a_long_reason),
        cmocka_unit_test(keeps_pins_and_units),
        cmocka_unit_test(keeps_lists_apart),
        cmocka_unit_test(refuses_names_and_numbers_beyond_its_ceilings),
        cmocka_unit_test(is_gone_through_undisturbed),
        cmocka_unit_test(may_be_emptied_while_gone_through),
        cmocka_unit_test(takes_little_memory_and_stays_there),
#ifndef POSTSHIFT_SANITIZED
        cmocka_unit_test(gives_everything_back),
#endif
        cmocka_unit_test(holds_what_a_simple_list_would),
        cmocka_unit_test(remembers_that_it_was_loaded),
    };

    replica_seed(UINT64_C(0x123456789abcdef));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
