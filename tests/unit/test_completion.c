/*
 * Command lines that are being typed.
 */
#include "tests/unit/unit.h"

#include "policyd/terminal/completion.h"
#include "shared/base/attributes.h"

enum { WORDS_MAX = 10 };

static size_t
count_of(const char *const *words)
{
    size_t count = 0;

    while (count < WORDS_MAX && words[count] != NULL)
        count++;
    return count;
}

static void
knows_what_comes_next(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        enum completion_kind kind;
        const char *listed; /* of COMPLETION_WORDS */
        const char *stem;
        const char *begun;
    } rows[] = {
        {{""}, COMPLETION_VERBS, NULL, "", ""},
        {{"se"}, COMPLETION_VERBS, NULL, "", "se"},
        {{"--lo"}, COMPLETION_OPTIONS, NULL, "", "--lo"},
        {{"--local", "se"}, COMPLETION_VERBS, NULL, "", "se"},
        {{"-c", ""}, COMPLETION_FILES, NULL, "", ""},
        {{"-c", "/a", ""}, COMPLETION_VERBS, NULL, "", ""},
        {{"-c", "/a", "set", "ex"}, COMPLETION_DOMAINS, NULL, "", "ex"},
        {{"--config=/a"}, COMPLETION_FILES, NULL, "--config=", "/a"},
        {{"set", "example.com", ""}, COMPLETION_FIELDS, NULL, "", ""},
        {{"set", "example.com", "weight=1", "mo"}, COMPLETION_FIELDS, NULL, "", "mo"},
        {{"set", "example.com", "--why", "set it", ""}, COMPLETION_FIELDS, NULL, "", ""},
        {{"set", "example.com", "--why", ""}, COMPLETION_NOTHING, NULL, "", ""},
        {{"set", "--"}, COMPLETION_OPTIONS, NULL, "", "--"},
        {{"route", ""}, COMPLETION_OPTIONS, NULL, "", ""},
        {{"route", "al"}, COMPLETION_NOTHING, NULL, "", "al"},
        {{"pin", "a@example.com", "h"}, COMPLETION_WORDS, "old new standby hold", "",
            "h"},
        {{"pin", "--list", ""}, COMPLETION_DOMAINS, NULL, "", ""},
        {{"pin", "--file", "x", "o"}, COMPLETION_WORDS, "old new standby hold", "", "o"},
        {{"list", "example.com", "ca"}, COMPLETION_LISTS, NULL, "", "ca"},
        {{"list", "example.com", "canary", "a"}, COMPLETION_WORDS, "add remove", "", "a"},
        {{"list", "example.com", "canary", "add", "x"}, COMPLETION_NOTHING, NULL, "",
            "x"},
        {{"unit", "load", ""}, COMPLETION_FILES, NULL, "", ""},
        {{"unit", "show", "x"}, COMPLETION_NOTHING, NULL, "", "x"},
        {{"plan", "adv"}, COMPLETION_WORDS,
            "start advance pause resume abort show simulate", "", "adv"},
        {{"plan", "start", ""}, COMPLETION_DOMAINS, NULL, "", ""},
        {{"plan", "start", "example.com", "a"}, COMPLETION_PLAN_FIELDS, NULL, "", "a"},
        {{"plan", "pause", "example.com", "a"}, COMPLETION_NOTHING, NULL, "", "a"},
        {{"plan", "advance", "example.com", "--past", "ho"}, COMPLETION_GATES, NULL, "",
            "ho"},
        {{"plan", "advance", "example.com", "--past=ho"}, COMPLETION_GATES, NULL,
            "--past=", "ho"},
        {{"preflight", "--only", "mx"}, COMPLETION_CHECKS, NULL, "", "mx"},
        {{"preflight", "--group=d"}, COMPLETION_GROUPS, NULL, "--group=", "d"},
        {{"moves", "example.com", "--format", ""}, COMPLETION_WORDS,
            "lines csv ldif sieve units virtual", "", ""},
        {{"events", "--domain", ""}, COMPLETION_DOMAINS, NULL, "", ""},
        {{"probe", "accept", "example.com", ""}, COMPLETION_WORDS, "old new", "", ""},
        {{"postfix-setup", "-c", "/et"}, COMPLETION_FILES, NULL, "", "/et"},
        {{"no-such-verb", "x"}, COMPLETION_NOTHING, NULL, "", "x"},
        {{"set", "--no-such=x"}, COMPLETION_NOTHING, NULL, "--no-such=", "x"},
        {{"-", "x"}, COMPLETION_NOTHING, NULL, "", "x"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct completion completion;

        print_message("# row %zu: %s\n", i, rows[i].words[0]);
        completion_read(&completion, rows[i].words, count_of(rows[i].words));
        assert_int_equal(completion.kind, rows[i].kind);
        assert_true(span_is(completion.stem, rows[i].stem));
        assert_true(span_is(completion.begun, rows[i].begun));
        if (rows[i].listed != NULL)
            assert_string_equal(completion.words, rows[i].listed);
    }
}

static void
remembers_what_decides(void **state)
{
    static const char *const words[] = {
        "--local", "-c", "/a", "list", "example.com", "--json", ""};
    struct completion completion;

    (void)state;
    completion_read(&completion, words, ARRAY_LENGTH(words));
    assert_string_equal(completion.verb, "list");
    assert_string_equal(completion.config, "/a");
    assert_string_equal(completion.domain, "example.com");
    assert_int_equal(completion.given, CTL_OPTION_BIT(CTL_LOCAL) |
                                           CTL_OPTION_BIT(CTL_CONFIG) |
                                           CTL_OPTION_BIT(CTL_JSON));
    completion_read(&completion, words, 0);
    assert_int_equal(completion.kind, COMPLETION_VERBS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_comes_next),
        cmocka_unit_test(remembers_what_decides),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
