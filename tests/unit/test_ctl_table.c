/*
 * Tables fit, and what comes from outside can't move the cursor.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "policyd/ctl/ctl_table.h"

static const struct ctl_table_row rows[] = {
    {{"a.example", "30.5", "a rather long cell that must give way"}, NULL,        false},
    {{"\xc3\xa9.example", "0", NULL},                                "  below\n", true },
};

static const struct ctl_table table = {
    .titles = {"DOMAIN", "WEIGHT", "REST"},
    .right = {false,    true,     false },
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
    assert_non_null(strstr(buffer_text(&out), "a.example    30.5  a rather lo..\n"));
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
        {"plain \xc3\xa9", "plain \xc3\xa9"   },
        {"\x1b[2J",        "\\x1b[2J"         },
        {"a\nb\t\x7f",     "a\\x0ab\\x09\\x7f"},
        {"\xff\xc3",       "\\xff\\xc3"       },
        {"\xc2\x9b"
         "31m",   "\\xc2\\x9b31m"    },
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_they_must_be),
        cmocka_unit_test(the_widest_gives_way),
        cmocka_unit_test(alarms_are_red_where_there_is_colour),
        cmocka_unit_test(makes_text_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
