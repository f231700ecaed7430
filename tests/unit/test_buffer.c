/*
 * Owned bytes up to a ceiling.
 */
#include "tests/unit/unit.h"

#include "shared/base/buffer.h"

#include <string.h>

static void
grows_to_its_ceiling_and_no_further(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 1000);
    for (int i = 0; i < 1000; i++)
        assert_true(buffer_append_octet(&buffer, 'x'));
    assert_true(buffer_ok(&buffer));
    assert_false(buffer_append_octet(&buffer, 'x'));
    assert_false(buffer_ok(&buffer));
    assert_int_equal(buffer.length, 1000);
    assert_int_equal(strlen(buffer_text(&buffer)), 1000);
    buffer_clear(&buffer);
}

static void
stays_overflowed_until_reset(void **state)
{
    struct buffer buffer = {.ceiling = 4};

    (void)state;
    assert_true(buffer_append_text(&buffer, "abc"));
    assert_false(buffer_append_text(&buffer, "de"));
    assert_false(buffer_append_text(&buffer, ""));
    assert_string_equal(buffer_text(&buffer), "abc");
    buffer_reset(&buffer);
    assert_true(buffer_ok(&buffer));
    assert_true(buffer_append_text(&buffer, "defg"));
    assert_string_equal(buffer_text(&buffer), "defg");
    buffer_clear(&buffer);
    assert_true(buffer_append_text(&buffer, "hi"));
    assert_false(buffer_append_text(&buffer, "three"));
    buffer_clear(&buffer);
}

static void
appends_all_or_nothing(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 7);
    assert_false(buffer_append_u64(&buffer, 1));
    assert_int_equal(buffer.length, 0);
    buffer_reset(&buffer);
    assert_false(buffer_printf(&buffer, "%s", "too long for it"));
    assert_int_equal(buffer.length, 0);
    buffer_reset(&buffer);
    assert_false(buffer_reserve(&buffer, SIZE_MAX));
    buffer_clear(&buffer);
}

static void
writes_numbers_big_endian(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 64);
    assert_true(buffer_append_u32(&buffer, 0x01020304));
    assert_true(buffer_append_u64(&buffer, UINT64_C(0xf1f2f3f4f5f6f7f8)));
    assert_true(span_equal(
        buffer_span(&buffer), SPAN("\1\2\3\4\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8")));
    buffer_clear(&buffer);
}

static void
is_text_even_when_empty(void **state)
{
    struct buffer buffer = {.ceiling = 0};

    (void)state;
    assert_string_equal(buffer_text(&buffer), "");
    assert_int_equal(buffer_span(&buffer).length, 0);
    buffer_clear(&buffer);
}

static void
loses_its_front_when_consumed(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 64);
    buffer_consume(&buffer, 0);
    (void)buffer_printf(&buffer, "%s-%d", "abc", 42);
    buffer_consume(&buffer, 4);
    assert_string_equal(buffer_text(&buffer), "42");
    buffer_consume(&buffer, 2);
    assert_string_equal(buffer_text(&buffer), "");
    buffer_clear(&buffer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_to_its_ceiling_and_no_further),
        cmocka_unit_test(stays_overflowed_until_reset),
        cmocka_unit_test(appends_all_or_nothing),
        cmocka_unit_test(writes_numbers_big_endian),
        cmocka_unit_test(is_text_even_when_empty),
        cmocka_unit_test(loses_its_front_when_consumed),
    };

    return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
