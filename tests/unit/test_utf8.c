/*
 * What is UTF-8 and what is not (RFC 3629 section 4).
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/base/utf8.h"

static void
knows_good_from_bad(void **state)
{
    static const struct {
        const char *what;
        struct span text;
        size_t length;
    } rows[] = {
        {"a letter", {"a", 1}, 1},
        {"NUL", {"\0", 1}, 1},
        {"the last of one", {"\x7f", 1}, 1},
        {"the first of two", {"\xc2\x80", 2}, 2},
        {"the last of two", {"\xdf\xbf", 2}, 2},
        {"the first of three", {"\xe0\xa0\x80", 3}, 3},
        {"the last of three", {"\xef\xbf\xbf", 3}, 3},
        {"before the surrogates", {"\xed\x9f\xbf", 3}, 3},
        {"the first of four", {"\xf0\x90\x80\x80", 4}, 4},
        {"the last of all", {"\xf4\x8f\xbf\xbf", 4}, 4},
        {"nothing", {"", 0}, 0},
        {"a second octet alone", {"\x80", 1}, 0},
        {"overlong of two", {"\xc0\x80", 2}, 0},
        {"overlong of two, last", {"\xc1\xbf", 2}, 0},
        {"overlong of three", {"\xe0\x9f\xbf", 3}, 0},
        {"overlong of four", {"\xf0\x8f\xbf\xbf", 4}, 0},
        {"a surrogate", {"\xed\xa0\x80", 3}, 0},
        {"above all", {"\xf4\x90\x80\x80", 4}, 0},
        {"five octets", {"\xf8\x88\x80\x80", 4}, 0},
        {"ff", {"\xff", 1}, 0},
        {"cut after one", {"\xc3", 1}, 0},
        {"cut after two", {"\xe2\x82", 2}, 0},
        {"cut after three", {"\xf0\x9f\x98", 3}, 0},
        {"an ASCII octet inside", {"\xe2\x28\xa1", 3}, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].what);
        assert_int_equal(utf8_length(rows[i].text), rows[i].length);
        assert_int_equal(
            utf8_is_valid(rows[i].text), rows[i].length == rows[i].text.length);
    }
}

static void
looks_at_all_of_a_text(void **state)
{
    (void)state;
    assert_true(utf8_is_valid(SPAN("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z")));
    assert_false(utf8_is_valid(SPAN("aaaaaaaa\xc3")));
    assert_true(utf8_is_valid(span_of(NULL)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_good_from_bad),
        cmocka_unit_test(looks_at_all_of_a_text),
    };

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
