#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "policyd/replica/replica_alias.h"

static void
keys_stand_in_the_order_of_their_octets(void **state)
{
    struct replica_aliases *aliases = replica_alias_new();
    struct span sorted[REPLICA_ALIASES_READ];

    (void)state;
    assert_int_equal(replica_alias_sorted(aliases, SPAN("pin:a@x"), sorted), 0);
    assert_true(replica_alias_add(aliases, SPAN("pin:a@x"), SPAN("pin:a@X")));
    assert_true(replica_alias_add(aliases, SPAN("pin:a@x"), SPAN("pin:A@X")));
    assert_true(replica_alias_add(aliases, SPAN("pin:a@x"), SPAN("pin:A@x")));
    assert_true(replica_alias_add(aliases, SPAN("pin:a@x"), SPAN("pin:A@x")));
    assert_true(replica_alias_add(aliases, SPAN("pin:b@x"), SPAN("pin:B@x")));
    assert_int_equal(replica_alias_sorted(aliases, SPAN("pin:a@x"), sorted), 3);
    assert_true(span_is(sorted[0], "pin:A@X"));
    assert_true(span_is(sorted[1], "pin:A@x"));
    assert_true(span_is(sorted[2], "pin:a@X"));
    replica_alias_remove(aliases, SPAN("pin:a@x"), SPAN("pin:A@X"));
    assert_int_equal(replica_alias_sorted(aliases, SPAN("pin:a@x"), sorted), 2);
    replica_alias_free(aliases);
    replica_alias_free(NULL);
}

static void
the_first_of_very_many_are_given(void **state)
{
    struct replica_aliases *aliases = replica_alias_new();
    struct span sorted[REPLICA_ALIASES_READ];
    char key[32];

    (void)state;
    for (int i = 99; i >= 0; i--) {
        snprintf(key, sizeof(key), "pin:A+%02d@x", i);
        assert_true(replica_alias_add(aliases, SPAN("pin:a@x"), span_of(key)));
    }
    assert_int_equal(
        replica_alias_sorted(aliases, SPAN("pin:a@x"), sorted), REPLICA_ALIASES_READ);
    for (int i = 0; i < REPLICA_ALIASES_READ; i++) {
        snprintf(key, sizeof(key), "pin:A+%02d@x", i);
        assert_true(span_is(sorted[i], key));
    }
    replica_alias_free(aliases);
}

static void
all_that_is_written_oddly_is_met_once(void **state)
{
    struct replica_aliases *aliases = replica_alias_new();
    struct span canonical;
    uint64_t cursor = 0;
    size_t met = 0;
    char key[32];
    char odd[32];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "pin:a%d@x", i);
        snprintf(odd, sizeof(odd), "pin:A%d@x", i);
        replica_alias_add(aliases, span_of(key), span_of(odd));
    }
    while (replica_alias_next(aliases, &cursor, &canonical))
        met++;
    assert_int_equal(met, 1000);
    replica_alias_free(aliases);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_stand_in_the_order_of_their_octets),
        cmocka_unit_test(the_first_of_very_many_are_given),
        cmocka_unit_test(all_that_is_written_oddly_is_met_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
