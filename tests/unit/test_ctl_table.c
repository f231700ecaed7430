/*
 * Tables fit, and what comes from outside can't move the cursor.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "policyd/terminal/ctl_table.h"

static const struct ctl_table_row rows[] = {
    {{"a.example", "30.5", "a rather long cell that must give way"}, NULL, false},
    {{"\xc3\xa9.example", "0", NULL}, "  below\n", true},
};

static const struct ctl_table table = {
    .titles = {"DOMAIN", "WEIGHT", "REST"},
    .right = {false, true, false},
    .rows = rows,
    .count = 2,
};

static void
columns_are_as_wide_as_they_must_be(void **state)
{
    struct buffer out;

    (void)state;
    buffer_init(&out, 10000);
    ctl_table_write(&out, &table, 100, false);
    assert_string_equal(buffer_text(&out),
        "DOMAIN     WEIGHT  REST\n"
        "a.example    30.5  a rather long cell that must give way\n"
        "\xc3\xa9.example       0\n"
        "  below\n");
    buffer_clear(&out);
}

static void
the_widest_gives_way(void **state)
{
    struct ctl_table narrow = table;
    struct buffer out;

    (void)state;
    buffer_init(&out, 10000);
    ctl_table_write(&out, &narrow, 32, false);
    assert_non_null(strstr(buffer_text(&out), "a.example    30.5  a rather lo..\n"
                                              "  rest: a rather long cell that\n"
                                              "    must give way\n"));
    buffer_reset(&out);
    narrow.rigid[2] = true;
    ctl_table_write(&out, &narrow, 32, false);
    assert_non_null(strstr(buffer_text(&out), "a rather long cell that must give way\n"));
    assert_non_null(strstr(buffer_text(&out), "a.ex..    30.5"));
    buffer_clear(&out);
}

static void
alarms_are_red_where_there_is_colour(void **state)
{
    struct buffer out;

    (void)state;
    buffer_init(&out, 10000);
    ctl_table_write(&out, &table, 100, true);
    assert_non_null(strstr(buffer_text(&out),
        CTL_TABLE_RED "\xc3\xa9.example       0\n  below\n" CTL_TABLE_PLAIN));
    assert_null(strstr(buffer_text(&out), CTL_TABLE_RED "a.example"));
    buffer_clear(&out);
}

static void
makes_text_harmless(void **state)
{
    static const struct {
        const char *text;
        const char *wanted;
    } escapes[] = {
        {"plain \xc3\xa9", "plain \xc3\xa9"},
        {"\x1b[2J", "\\x1b[2J"},
        {"a\nb\t\x7f", "a\\x0ab\\x09\\x7f"},
        {"\xff\xc3", "\\xff\\xc3"},
        {"\xc2\x9b"
         "31m",
            "\\xc2\\x9b31m"},
        {"a\xe2\x80\xae"
         "b",
            "a\\xe2\\x80\\xaeb"},
        {"\xe2\x80\xa8\xef\xbb\xbf\xe2\x81\xa6",
            "\\xe2\\x80\\xa8\\xef\\xbb\\xbf\\xe2\\x81\\xa6"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(escapes); i++) {
        struct buffer out;

        buffer_init(&out, 1000);
        ctl_table_escape(&out, span_of(escapes[i].text));
        assert_string_equal(buffer_text(&out), escapes[i].wanted);
        buffer_clear(&out);
    }
}

static void
folds_at_blanks(void **state)
{
    static const struct {
        const char *what;
        const char *text;
        const char *wanted;
    } sentences[] = {
        {"nothing", "", ""},
        {"it fits", "a line", "a line\n"},
        {"it just fits", "0123456789", "0123456789\n"},
        {"two words", "0123456789 ab", "0123456789\n  ab\n"},
        {"as many words as fit", "01 34 67 9a bc", "01 34 67\n  9a bc\n"},
        {"less room further in", "one two three four five",
            "one two\n  three\n  four\n  five\n"},
        {"under its own indent", "  ab cd ef gh", "  ab cd ef\n    gh\n"},
        {"a word that is wider", "0123456789abcdefghijk",
            "0123456789\n  abcdefgh\n  ijk\n"},
        {"a wider word behind", "a 0123456789abc", "a\n  01234567\n  89abc\n"},
        {"an indented wide word", "  0123456789", "  01234567\n    89\n"},
        {"lines are apart", "ab\n\n  cd\n", "ab\n\n  cd\n"},
        {"characters, no octets", "\xc3\xbc 345678 a b", "\xc3\xbc 345678 a\n  b\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(sentences); i++) {
        struct buffer out;

        buffer_init(&out, 1000);
        ctl_table_fold(&out, span_of(sentences[i].text), 10);
        print_message("# %s\n", sentences[i].what);
        assert_string_equal(buffer_text(&out), sentences[i].wanted);
        buffer_clear(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_they_must_be),
        cmocka_unit_test(the_widest_gives_way),
        cmocka_unit_test(alarms_are_red_where_there_is_colour),
        cmocka_unit_test(makes_text_harmless),
        cmocka_unit_test(folds_at_blanks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
