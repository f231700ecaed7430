/*
 * The place of a unit: the published vectors, and what the weight makes of them.
 */
#include "tests/unit/unit.h"

#include "policyd/routing/bucket.h"
#include "shared/base/attributes.h"

#include <stdio.h>
#include <string.h>

static void
gives_the_published_buckets(void **state)
{
    static const struct {
        const char *domain;
        const char *unit;
        unsigned wanted;
    } rows[] = {
        {"example.com", "alice@example.com", 5319},
        {"example.com", "bob@example.com", 5374},
        {"example.com", "user000@example.com", 4649},
        {"example.com", "a.smith@example.com", 667},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].unit);
        assert_int_equal(
            bucket_of(span_of(rows[i].domain), span_of(rows[i].unit)), rows[i].wanted);
    }
}

static void
spreads_a_hundred_thousand_users_evenly(void **state)
{
    unsigned below = 0;
    unsigned tenths[10] = {0};

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        char unit[64];
        unsigned bucket;

        (void)snprintf(unit, sizeof(unit), "user%u@example.com", i);
        bucket = bucket_of(SPAN("example.com"), span_of(unit));
        assert_true(bucket < 10000);
        below += bucket < 3000;
        tenths[bucket / 1000]++;
    }
    assert_int_equal(below, 30147);
    for (size_t i = 0; i < ARRAY_LENGTH(tenths); i++)
        assert_in_range(tenths[i], 9600, 10400);
}

static void
tells_domain_and_unit_apart(void **state)
{
    static char longest[3000];

    (void)state;
    memset(longest, 'a', sizeof(longest));
    assert_int_not_equal(
        bucket_of(SPAN("ab"), SPAN("cx")), bucket_of(SPAN("a"), SPAN("bcx")));
    assert_int_not_equal(bucket_of(SPAN("example.com"), SPAN("alice@example.com")),
        bucket_of(SPAN("example.net"), SPAN("alice@example.com")));
    /* Nothing is cut and nothing fails, however long or empty. */
    assert_int_not_equal(bucket_of(span_make(longest, 2999), span_make(longest, 3000)),
        bucket_of(span_make(longest, 3000), span_make(longest, 2999)));
    assert_true(bucket_of(span_of(NULL), span_of(NULL)) < 10000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_buckets),
        cmocka_unit_test(spreads_a_hundred_thousand_users_evenly),
        cmocka_unit_test(tells_domain_and_unit_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
