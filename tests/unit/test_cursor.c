/*
 * Fields out of bounded bytes.
 */
#include "tests/unit/unit.h"

#include "shared/base/cursor.h"

static void
reads_fields_one_after_another(void **state)
{
    struct cursor cursor = cursor_on(SPAN("\x01\x02\x03\x04\x05\x06\x07"
                                          "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8"
                                          "rest"));

    (void)state;
    assert_int_equal(cursor_u8(&cursor), 0x01);
    assert_int_equal(cursor_u16(&cursor), 0x0203);
    assert_int_equal(cursor_u32(&cursor), 0x04050607);
    assert_true(cursor_u64(&cursor) == UINT64_C(0xfffefdfcfbfaf9f8));
    assert_int_equal(cursor_left(&cursor), 4);
    assert_false(cursor_at_end(&cursor));
    assert_true(span_is(cursor_bytes(&cursor, 4), "rest"));
    assert_true(cursor_at_end(&cursor));
    assert_true(cursor_ok(&cursor));
}

static void
stays_bad_after_a_short_read(void **state)
{
    struct cursor cursor = cursor_on(SPAN("abc"));

    (void)state;
    assert_int_equal(cursor_u32(&cursor), 0);
    assert_false(cursor_ok(&cursor));
    assert_int_equal(cursor_u8(&cursor), 0);
    assert_int_equal(cursor_bytes(&cursor, 0).length, 0);
    assert_false(cursor_ok(&cursor));
    assert_false(cursor_at_end(&cursor));
    assert_int_equal(cursor_left(&cursor), 0);
}

static void
reads_nothing_from_nothing(void **state)
{
    struct cursor cursor = cursor_on(span_of(NULL));

    (void)state;
    assert_int_equal(cursor_bytes(&cursor, 0).length, 0);
    assert_true(cursor_at_end(&cursor));
    assert_int_equal(cursor_bytes(&cursor, SIZE_MAX).length, 0);
    assert_false(cursor_ok(&cursor));
}

static void
is_bad_when_its_reader_says_so(void **state)
{
    struct cursor cursor = cursor_on(SPAN("abc"));

    (void)state;
    cursor_fail(&cursor);
    assert_false(cursor_ok(&cursor));
    assert_int_equal(cursor_u8(&cursor), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_fields_one_after_another),
        cmocka_unit_test(stays_bad_after_a_short_read),
        cmocka_unit_test(reads_nothing_from_nothing),
        cmocka_unit_test(is_bad_when_its_reader_says_so),
    };

    return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
