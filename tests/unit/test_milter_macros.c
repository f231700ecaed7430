/*
 * Macros by stage: what holds, what hides what, and what must be gone.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "milters/protocol/milter_macros.h"
#include "shared/base/attributes.h"

#define OCTETS(literal)                                                                  \
    {                                                                                    \
        ("" literal), sizeof(literal) - 1                                                \
    }

static struct milter_macros macros;

static int
begin(void **state)
{
    (void)state;
    milter_macros_init(&macros);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    milter_macros_clear(&macros);
    return 0;
}

static bool
take(struct span data)
{
    return milter_macros_take(&macros, data);
}

static void
holds(const char *name, const char *wanted)
{
    const char *value = milter_macros_find(&macros, name);

    if (wanted == NULL)
        assert_null(value);
    else
        assert_string_equal(value, wanted);
}

static void
finds_with_and_without_braces(void **state)
{
    (void)state;
    assert_true(take(SPAN("Mi\0ABC\0{j}\0mx\0{mail_addr}\0a@b\0bare\0x\0{}\0y\0{\0z\0")));
    holds("i", "ABC");
    holds("j", "mx");
    holds("mail_addr", "a@b");
    holds("bare", "x");
    holds("{}", "y");
    holds("mail_add", NULL);
    holds("mail_addr2", NULL);
    holds("{mail_addr}", NULL);
    holds("ABC", NULL);
    holds("", NULL);
}

static void
the_first_of_a_stage_holds(void **state)
{
    (void)state;
    assert_true(take(SPAN("M{auth_authen}\0a\0auth_authen\0b\0")));
    holds("auth_authen", "a");
}

static void
a_later_stage_hides_an_earlier_one(void **state)
{
    (void)state;
    assert_true(take(SPAN("Ci\0c\0j\0mx\0")));
    assert_true(take(SPAN("Mi\0m\0")));
    assert_true(take(SPAN("Ei\0\0")));
    holds("i", "");
    holds("j", "mx");
    milter_macros_forget(&macros, MILTER_STAGE_END);
    holds("i", "m");
    milter_macros_forget(&macros, MILTER_STAGE_MAIL);
    holds("i", "c");
    milter_macros_forget(&macros, MILTER_STAGE_CONNECT);
    holds("i", NULL);
    holds("j", NULL);
}

/* Macros of a command take the place of those before and end all later ones. */
static void
a_stage_ends_itself_and_all_behind(void **state)
{
    static const char stages[] = "CHMRTNE";

    (void)state;
    for (size_t again = 0; again < sizeof(stages) - 1; again++) {
        for (size_t i = 0; i < sizeof(stages) - 1; i++) {
            const char name = (char)('a' + i);
            const char data[] = {stages[i], name, '\0', 'x', '\0'};

            assert_true(take(span_make(data, sizeof(data))));
        }
        assert_true(take(span_make(&stages[again], 1)));
        for (size_t i = 0; i < sizeof(stages) - 1; i++) {
            const char name[] = {(char)('a' + i), '\0'};

            holds(name, i < again ? "x" : NULL);
        }
    }
}

static void
other_commands_have_none(void **state)
{
    static const char others[] = "LBUAKOQD\0\xff";

    (void)state;
    assert_true(take(SPAN("M{auth_authen}\0a\0")));
    for (size_t i = 0; i < sizeof(others) - 1; i++) {
        const char data[] = {others[i], 'i', '\0', 'x', '\0'};

        assert_true(take(span_make(data, sizeof(data))));
        assert_int_equal(milter_macros_stage(others[i]), MILTER_STAGES);
    }
    holds("i", NULL);
    holds("auth_authen", "a");
}

static void
refuses_what_is_no_pairs(void **state)
{
    static const struct {
        const char *what;
        struct span data;
    } rows[] = {
        {"no command", OCTETS("")},
        {"a name alone", OCTETS("Mi\0")},
        {"a name without its end", OCTETS("Mi")},
        {"a value without its end", OCTETS("Mi\0abc")},
        {"three texts", OCTETS("Mi\0a\0b\0")},
    };

    (void)state;
    assert_true(take(SPAN("M{auth_authen}\0a\0")));
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].what);
        assert_false(take(rows[i].data));
    }
    assert_true(take(SPAN("M")));
    holds("auth_authen", NULL);
}

static void
refuses_too_many(void **state)
{
    size_t most = MILTER_MACROS_MAX + 1; /* the command isn't kept */
    char *data = malloc(most + 1);

    (void)state;
    assert_non_null(data);
    memset(data, 'x', most + 1);
    memcpy(data, "Ei", 3);
    data[most - 1] = '\0';
    assert_true(take(span_make(data, most)));
    assert_int_equal(strlen(milter_macros_find(&macros, "i")), most - 4);
    data[most - 1] = 'x';
    data[most] = '\0';
    assert_false(take(span_make(data, most + 1)));
    free(data);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_with_and_without_braces, begin, end),
        cmocka_unit_test_setup_teardown(the_first_of_a_stage_holds, begin, end),
        cmocka_unit_test_setup_teardown(a_later_stage_hides_an_earlier_one, begin, end),
        cmocka_unit_test_setup_teardown(a_stage_ends_itself_and_all_behind, begin, end),
        cmocka_unit_test_setup_teardown(other_commands_have_none, begin, end),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_pairs, begin, end),
        cmocka_unit_test_setup_teardown(refuses_too_many, begin, end),
    };

    return cmocka_run_group_tests_name("milter_macros", tests, NULL, NULL);
}
