/*
 * Units out of links: what hangs together, what is cut, and which name it gets.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "policyd/routing/bucket.h"
#include "policyd/units/unit_graph.h"
#include "policyd/units/unit_name.h"
#include "shared/base/allocate.h"
#include "shared/base/attributes.h"

static uint64_t seed;

static size_t
any_of(size_t count)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(seed >> 33) % count;
}

static struct span
name_of(size_t i)
{
    static char name[64];

    (void)snprintf(name, sizeof(name), "user%05zu@example.com", i);
    return span_of(name);
}

static void
link_of(struct unit_graph *graph, enum unit_link_kind kind, size_t left, size_t right)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "user%05zu@example.com", left);
    unit_graph_link(graph, kind, span_of(text), name_of(right), 0, 1);
}

static size_t
number_of(const struct unit_graph *graph, size_t i)
{
    for (size_t n = 0; n < unit_graph_count(graph); n++) {
        if (span_equal(unit_graph_name(graph, n), name_of(i)))
            return n;
    }
    return SIZE_MAX;
}

static bool
are_one(const struct unit_graph *graph, size_t a, size_t b)
{
    return unit_graph_unit(graph, number_of(graph, a)) ==
           unit_graph_unit(graph, number_of(graph, b));
}

static void
what_hangs_together_is_a_unit(void **state)
{
    struct unit_graph *graph = unit_graph_new();
    struct unit_edge edge;
    struct error error;

    (void)state;
    for (size_t i = 0; i < 49; i++)
        link_of(graph, UNIT_LINK_DELEGATE, i, i + 1);
    link_of(graph, UNIT_LINK_ALIAS, 60, 61);
    assert_true(unit_graph_settle(graph, &error));
    assert_true(are_one(graph, 0, 49));
    assert_true(are_one(graph, 60, 61));
    assert_false(are_one(graph, 0, 60));
    assert_int_equal(unit_graph_units(graph), 2);
    assert_int_equal(unit_graph_cut_count(graph), 0);
    unit_graph_root(graph, number_of(graph, 0));
    assert_false(unit_graph_towards_root(graph, number_of(graph, 0), &edge));
    assert_true(unit_graph_towards_root(graph, number_of(graph, 2), &edge));
    assert_int_equal(edge.left, number_of(graph, 1));
    unit_graph_free(graph);
}

static void
hubs_and_large_groups_join_nobody(void **state)
{
    struct unit_graph *graph = unit_graph_new();
    struct error error;

    (void)state;
    for (size_t i = 1; i <= 101; i++)
        link_of(graph, UNIT_LINK_DELEGATE, 0, i);
    for (size_t i = 200; i <= 240; i++)
        unit_graph_link(graph, UNIT_LINK_MEMBER, SPAN("all"), name_of(i), 0, 1);
    for (size_t i = 300; i < 340; i++)
        unit_graph_link(graph, UNIT_LINK_MEMBER, SPAN("team"), name_of(i), 0, 1);
    assert_true(unit_graph_settle(graph, &error));
    assert_true(unit_graph_is_hub(graph, number_of(graph, 0)));
    assert_false(are_one(graph, 1, 2));
    assert_false(are_one(graph, 200, 201));
    assert_true(are_one(graph, 300, 339));
    assert_int_equal(unit_graph_told(graph).hubs, 1);
    assert_int_equal(unit_graph_told(graph).groups, 2);
    assert_int_equal(unit_graph_told(graph).large_groups, 1);
    unit_graph_free(graph);
}

static void
no_unit_is_above_fifty_and_aliases_stay_together(void **state)
{
    struct unit_graph *graph = unit_graph_new();
    size_t sizes[200] = {0};
    struct error error;

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        link_of(graph, UNIT_LINK_DELEGATE, i, (i + 1) % 100);
        link_of(graph, UNIT_LINK_ALIAS, i, i + 100);
    }
    assert_true(unit_graph_settle(graph, &error));
    for (size_t i = 0; i < 100; i++)
        assert_true(are_one(graph, i, i + 100));
    for (size_t i = 0; i < 200; i++)
        assert_true(++sizes[unit_graph_unit(graph, i)] <= UNIT_ADDRESSES_MAX);
    assert_true(unit_graph_cut_count(graph) > 0);
    unit_graph_free(graph);
}

/* --- planted --- */

enum { USERS = 20000, HUBS = 20 };

static size_t community_of[USERS];

/* Communities of 8 to 40; each member has links within (0: one, to the first), some have
 * one outside. */
static struct unit_graph *
planted(unsigned within, unsigned outside_percent)
{
    struct unit_graph *graph = unit_graph_new();
    size_t first = 0;
    size_t community = 0;

    seed = 42;
    while (first < USERS) {
        size_t size = 8 + any_of(33);

        if (first + size > USERS)
            size = USERS - first;
        for (size_t i = first; i < first + size; i++) {
            community_of[i] = community;
            for (unsigned n = 0; n < within && size > 1; n++)
                link_of(graph, UNIT_LINK_DELEGATE, i, first + any_of(size));
            if (within == 0 && i > first)
                link_of(graph, UNIT_LINK_DELEGATE, i, first);
            if (any_of(100) < outside_percent)
                link_of(graph, UNIT_LINK_DELEGATE, i, any_of(USERS));
        }
        first += size;
        community++;
    }
    for (size_t hub = 0; hub < HUBS; hub++) {
        for (size_t i = 0; i < 300; i++)
            link_of(graph, UNIT_LINK_DELEGATE, hub * 997, any_of(USERS));
    }
    return graph;
}

/* Addresses sorted by unit, and their ranges. */
struct layout {
    struct unit_member *members;
    struct unit_range *ranges;
    size_t *places; /* of an address among the members */
};

static struct layout
lay_out(const struct unit_graph *graph)
{
    size_t count = unit_graph_count(graph);
    size_t units = unit_graph_units(graph);
    struct layout layout = {
        allocate_array(count, sizeof(*layout.members)),
        allocate_array(units, sizeof(*layout.ranges)),
        allocate_array(count, sizeof(*layout.places)),
    };
    size_t *next = allocate_array(units + 1, sizeof(*next));

    for (size_t i = 0; i < count; i++)
        layout.ranges[unit_graph_unit(graph, i)].count++;
    for (size_t i = 1; i < units; i++)
        layout.ranges[i].first = layout.ranges[i - 1].first + layout.ranges[i - 1].count;
    for (size_t i = 0; i < units; i++)
        next[i] = layout.ranges[i].first;
    for (size_t i = 0; i < count; i++) {
        layout.places[i] = next[unit_graph_unit(graph, i)]++;
        layout.members[layout.places[i]] = (struct unit_member){
            bucket_of(SPAN("example.com"), unit_graph_name(graph, i)), UNIT_NAME_UNKNOWN,
            0};
    }
    free(next);
    return layout;
}

static unsigned
bucket_now(const struct layout *layout, const struct unit_graph *graph, size_t i)
{
    return layout->members[layout->ranges[unit_graph_unit(graph, i)].name].bucket;
}

/* Percent of pairs of one community that are on one side. */
static double
unsplit(const struct layout *layout, const struct unit_graph *graph, unsigned weight)
{
    size_t together = 0;
    size_t pairs = 0;

    for (size_t i = 0; i < USERS; i++) {
        for (size_t j = i + 1; j < USERS && community_of[j] == community_of[i]; j++) {
            pairs++;
            together += (bucket_now(layout, graph, i) < weight) ==
                        (bucket_now(layout, graph, j) < weight);
        }
    }
    return 100.0 * (double)together / (double)pairs;
}

static double
share(const struct layout *layout, const struct unit_graph *graph, unsigned weight)
{
    size_t below = 0;

    for (size_t i = 0; i < USERS; i++)
        below += bucket_now(layout, graph, i) < weight;
    return 100.0 * (double)below / USERS;
}

static void
planted_communities_are_found_and_the_weight_holds(void **state)
{
    static const struct {
        const char *what;
        unsigned within;
        unsigned outside_percent;
        double least; /* percent of pairs unsplit at 30 % */
    } rows[] = {
        {"dense, little noise", 6, 20, 99},
        {"dense, much noise", 6, 100, 99},
        {"sparse, some noise", 3, 40, 99},
        {"sparse, much noise", 3, 80, 99},
        {"stars", 0, 20, 98},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct unit_graph *graph = planted(rows[i].within, rows[i].outside_percent);
        struct layout layout;
        struct error error;
        double found;

        assert_true(unit_graph_settle(graph, &error));
        assert_int_equal(unit_graph_count(graph), USERS);
        layout = lay_out(graph);
        unit_name_choose(layout.members, layout.ranges, unit_graph_units(graph), 0, 0);
        found = unsplit(&layout, graph, 3000);
        print_message("%s: %.1f %% of pairs unsplit, %zu units, %.2f %% on new at 30\n",
            rows[i].what, found, unit_graph_units(graph), share(&layout, graph, 3000));
        assert_true(found >= rows[i].least);
        for (unsigned weight = 100; weight < 10000; weight += 100) {
            double on_new = share(&layout, graph, weight);

            assert_true(on_new > weight / 100.0 - 1 && on_new < weight / 100.0 + 1);
        }
        free(layout.members);
        free(layout.ranges);
        free(layout.places);
        unit_graph_free(graph);
    }
}

static void
a_unit_keeps_its_name_and_people_their_side(void **state)
{
    /* Two in a unit at bucket 500, one at 9000 on her own, two new ones. */
    static const struct unit_member members[] = {
        {9000, 9000, 0},
        {7000, 500, 1},
        {6000, 500, 1},
        {100, 100, 0},
        {8000, 8000, 0},
        {8500, 8500, 0},
    };
    struct unit_range ranges[] = {{.first = 0, .count = 3}, {.first = 3, .count = 3}};

    (void)state;
    unit_name_choose(members, ranges, ARRAY_LENGTH(ranges), 1, 3000);
    assert_true(ranges[0].keeps_unit);
    assert_int_equal(ranges[0].name, 1);
    /* Of three one is on new: she moves, not the two. */
    assert_false(ranges[1].keeps_unit);
    assert_true(ranges[1].name != 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_hangs_together_is_a_unit),
        cmocka_unit_test(hubs_and_large_groups_join_nobody),
        cmocka_unit_test(no_unit_is_above_fifty_and_aliases_stay_together),
        cmocka_unit_test(planted_communities_are_found_and_the_weight_holds),
        cmocka_unit_test(a_unit_keeps_its_name_and_people_their_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
