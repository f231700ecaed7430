/*
 * What went wrong, in one line.
 */
#include "tests/unit/unit.h"

#include "shared/base/error.h"

#include <string.h>

static void
is_filled_in_and_false(void **state)
{
    struct error error;

    (void)state;
    assert_false(error_temporary(&error, "no answer from %s", "192.0.2.1"));
    assert_int_equal(error.kind, ERROR_TEMPORARY);
    assert_string_equal(error.text, "no answer from 192.0.2.1");
    assert_false(error_permanent(&error, "gone"));
    assert_int_equal(error.kind, ERROR_PERMANENT);
}

static void
may_be_built_on_itself(void **state)
{
    struct error error;

    (void)state;
    error_permanent(&error, "inner");
    error_permanent(&error, "outer: %s", error.text);
    assert_string_equal(error.text, "outer: inner");
}

static void
is_one_line_that_is_cut(void **state)
{
    struct error error;
    char text[1000];

    (void)state;
    error_permanent(&error, "a\r\nb\x1b\x7f");
    assert_string_equal(error.text, "a??b??");
    error_permanent(&error, "\xc3\xa4\xff\xc2\x9b\xc3");
    assert_string_equal(error.text, "\xc3\xa4????");
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    error_permanent(&error, "%s", text);
    assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_filled_in_and_false),
        cmocka_unit_test(may_be_built_on_itself),
        cmocka_unit_test(is_one_line_that_is_cut),
    };

    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
