/*
 * Command lines of postshiftctl.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "policyd/terminal/ctl_arguments.h"
#include "shared/base/attributes.h"

enum { WORDS_MAX = 12 };

/* Parses the words of a row behind the program's name; argv is older than const. */
static bool
parse(struct ctl_arguments *arguments, const char *const *words, struct error *error)
{
    const char *all[WORDS_MAX + 2] = {"postshiftctl"};
    char *argv[WORDS_MAX + 2];
    int argc = 1;

    for (; words[argc - 1] != NULL; argc++)
        all[argc] = words[argc - 1];
    memcpy(argv, all, sizeof(argv));
    return ctl_arguments_parse(arguments, argc, argv, error);
}

static void
options_stand_anywhere(void **state)
{
    static const char *const rows[][WORDS_MAX] = {
        {"--force", "set", "a.example", "weight=1", "--why", "x y", "-c", "file"},
        {"-c", "file", "set", "--why=x y", "a.example", "--force", "weight=1"},
        {"--config=file", "set", "a.example", "--why", "x y", "--force", "--",
            "weight=1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct ctl_arguments arguments;
        struct error error;

        print_message("# row %zu\n", i);
        assert_true(parse(&arguments, rows[i], &error));
        assert_string_equal(arguments.verb, "set");
        assert_int_equal(arguments.count, 2);
        assert_string_equal(arguments.words[0], "a.example");
        assert_string_equal(arguments.words[1], "weight=1");
        assert_string_equal(arguments.values[CTL_CONFIG], "file");
        assert_string_equal(arguments.values[CTL_WHY], "x y");
        assert_true(ctl_arguments_has(&arguments, CTL_FORCE));
        assert_false(ctl_arguments_has(&arguments, CTL_JSON));
        assert_null(ctl_arguments_stray(&arguments, CTL_OPTION_BIT(CTL_CONFIG) |
                                                        CTL_OPTION_BIT(CTL_WHY) |
                                                        CTL_OPTION_BIT(CTL_FORCE)));
        assert_string_equal(ctl_arguments_stray(&arguments,
                                CTL_OPTION_BIT(CTL_CONFIG) | CTL_OPTION_BIT(CTL_FORCE)),
            "why");
        ctl_arguments_clear(&arguments);
    }
}

static void
c_is_postfixs_directory_behind_postfix_setup(void **state)
{
    static const char *const words[] = {
        "-c", "file", "postfix-setup", "-c", "/etc/postfix", NULL};
    struct ctl_arguments arguments;
    struct error error;

    (void)state;
    assert_true(parse(&arguments, words, &error));
    assert_string_equal(arguments.values[CTL_CONFIG], "file");
    assert_string_equal(arguments.values[CTL_DIRECTORY], "/etc/postfix");
    ctl_arguments_clear(&arguments);
}

static void
refuses_other_lines(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *wanted;
    } rows[] = {
        {{"set", "--frob"}, "unknown option --frob"},
        {{"set", "-x"}, "unknown option -x"},
        {{"set", "-tv"}, "unknown option -tv"},
        {{"set", "--forc"}, "unknown option --forc"},
        {{"set", "--force", "--force"}, "--force is given twice"},
        {{"set", "--force=yes"}, "--force takes no value"},
        {{"set", "--why"}, "--why needs a value"},
        {{"-c"}, "-c needs a value (FILE)"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct ctl_arguments arguments;
        struct error error;

        print_message("# %s\n", rows[i].wanted);
        assert_false(parse(&arguments, rows[i].words, &error));
        assert_non_null(strstr(error.text, rows[i].wanted));
        ctl_arguments_clear(&arguments);
    }
}

static void
a_dash_alone_is_a_word(void **state)
{
    static const char *const words[] = {"unit", "load", "-", NULL};
    struct ctl_arguments arguments;
    struct error error;

    (void)state;
    assert_true(parse(&arguments, words, &error));
    assert_string_equal(arguments.words[1], "-");
    ctl_arguments_clear(&arguments);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(c_is_postfixs_directory_behind_postfix_setup),
        cmocka_unit_test(refuses_other_lines),
        cmocka_unit_test(a_dash_alone_is_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
