#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "policyd/replica/odd_keys.h"

static void
keys_stand_in_the_order_of_their_octets(void **state)
{
    struct odd_keys *odd = odd_keys_new();
    struct span sorted[ODD_KEYS_READ];

    (void)state;
    assert_int_equal(odd_keys_sorted(odd, SPAN("pin:a@x"), sorted), 0);
    assert_true(odd_keys_add(odd, SPAN("pin:a@x"), SPAN("pin:a@X")));
    assert_true(odd_keys_add(odd, SPAN("pin:a@x"), SPAN("pin:A@X")));
    assert_true(odd_keys_add(odd, SPAN("pin:a@x"), SPAN("pin:A@x")));
    assert_true(odd_keys_add(odd, SPAN("pin:a@x"), SPAN("pin:A@x")));
    assert_true(odd_keys_add(odd, SPAN("pin:b@x"), SPAN("pin:B@x")));
    assert_int_equal(odd_keys_sorted(odd, SPAN("pin:a@x"), sorted), 3);
    assert_true(span_is(sorted[0], "pin:A@X"));
    assert_true(span_is(sorted[1], "pin:A@x"));
    assert_true(span_is(sorted[2], "pin:a@X"));
    odd_keys_remove(odd, SPAN("pin:a@x"), SPAN("pin:A@X"));
    assert_int_equal(odd_keys_sorted(odd, SPAN("pin:a@x"), sorted), 2);
    odd_keys_free(odd);
    odd_keys_free(NULL);
}

static void
the_first_of_very_many_are_given(void **state)
{
    struct odd_keys *odd = odd_keys_new();
    struct span sorted[ODD_KEYS_READ];
    char key[32];

    (void)state;
    for (int i = 99; i >= 0; i--) {
        snprintf(key, sizeof(key), "pin:A+%02d@x", i);
        assert_true(odd_keys_add(odd, SPAN("pin:a@x"), span_of(key)));
    }
    assert_int_equal(odd_keys_sorted(odd, SPAN("pin:a@x"), sorted), ODD_KEYS_READ);
    for (int i = 0; i < ODD_KEYS_READ; i++) {
        snprintf(key, sizeof(key), "pin:A+%02d@x", i);
        assert_true(span_is(sorted[i], key));
    }
    odd_keys_free(odd);
}

static void
all_that_is_written_oddly_is_met_once(void **state)
{
    struct odd_keys *odd = odd_keys_new();
    struct span canonical;
    uint64_t cursor = 0;
    size_t met = 0;
    char key[32];
    char written[32];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "pin:a%d@x", i);
        snprintf(written, sizeof(written), "pin:A%d@x", i);
        odd_keys_add(odd, span_of(key), span_of(written));
    }
    while (odd_keys_next(odd, &cursor, &canonical))
        met++;
    assert_int_equal(met, 1000);
    odd_keys_free(odd);
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
