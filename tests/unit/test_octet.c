/*
 * Classes of octets: of all 256, those that the text names.
 */
#include "tests/unit/unit.h"

#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/base/octet.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static void
takes_these_octets_and_no_others(void **state)
{
    static const struct {
        bool (*is)(char octet);
        const char *members;
    } rows[] = {
        {octet_is_digit, DIGITS},
        {octet_is_letter, LETTERS},
        {octet_is_letter_or_digit, DIGITS LETTERS},
        {octet_is_blank, " \t"},
        {octet_is_white, " \t\r\n"},
        {octet_is_space, " \t\r\n\v\f"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        for (int octet = 0; octet < 256; octet++)
            assert_int_equal(rows[i].is((char)octet),
                octet != 0 && strchr(rows[i].members, octet) != NULL);
    }
}

static void
reads_hexadecimal_digits(void **state)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";

    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        const char *at = octet == 0 ? NULL : strchr(digits, octet);

        assert_int_equal(
            octet_hex_value((char)octet), at == NULL ? -1 : (at - digits) % 16);
    }
}

static void
copies_a_text_and_grows_an_array(void **state)
{
    char *text = allocate_text(span_make("moved", 4));
    char *none = allocate_text(span_of(NULL));
    int *numbers = allocate_array(2, sizeof(*numbers));

    (void)state;
    assert_string_equal(text, "move");
    assert_string_equal(none, "");
    assert_int_equal(numbers[0] + numbers[1], 0);
    numbers[1] = 7;
    numbers = allocate_grow(numbers, 300, sizeof(*numbers));
    numbers[299] = 1;
    assert_int_equal(numbers[1], 7);
    free(numbers);
    free(none);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_these_octets_and_no_others),
        cmocka_unit_test(reads_hexadecimal_digits),
        cmocka_unit_test(copies_a_text_and_grows_an_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
