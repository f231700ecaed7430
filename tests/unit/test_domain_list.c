/*
 * The domains of a site: words, and files with one a line.
 */
#include "tests/unit/unit.h"

#include "policyd/state/domain_list.h"
#include "shared/base/attributes.h"

#include <stdio.h>
#include <string.h>

static bool
has(const struct domain_list *list, const char *name)
{
    return domain_list_has((const char *const *)list->names, list->count, span_of(name));
}

static void
reads_one_a_line(void **state)
{
    static const struct {
        const char *what;
        const char *text;
        size_t count;      /* when closed */
        const char *wrong; /* what the error has; NULL: none */
    } rows[] = {
        {"nothing", "", 0, NULL},
        {"one", "example.com\n", 1, NULL},
        {"no end of line", "example.com", 1, NULL},
        {"ends with CR", "b.example\r\na.example\r\n", 2, NULL},
        {"comments, blanks", "# ours\n\n  example.com \t\n#no.example\n", 1, NULL},
        {"in other letters, twice", "Example.COM\nexample.com\n", 1, NULL},
        {"an IDN",
            "b\xc3\xbc"
            "cher.example\nxn--bcher-kva.example\n",
            1, NULL},
        {"two on a line", "a.example b.example\n", 0, "line 1: a.example b.example"},
        {"an address", "a.example\nuser@b.example\n", 1, "line 2: user@b.example"},
        {"a pattern", "*.example\n", 0, "line 1: *.example"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct domain_list list = {.count = 0};
        struct error error = {.text = ""};
        bool good = domain_list_add_text(&list, span_of(rows[i].text), &error);

        print_message("# %s\n", rows[i].what);
        assert_int_equal(good, rows[i].wrong == NULL);
        if (rows[i].wrong != NULL)
            assert_non_null(strstr(error.text, rows[i].wrong));
        domain_list_close(&list);
        assert_int_equal(list.count, rows[i].count);
        domain_list_clear(&list);
    }
}

static void
finds_each_of_ten_thousand(void **state)
{
    struct domain_list list = {.count = 0};
    struct error error;
    char name[40];

    (void)state;
    for (unsigned i = 0; i < DOMAIN_LIST_MAX; i++) {
        snprintf(name, sizeof(name), "d%u.example", i * 7919 % DOMAIN_LIST_MAX);
        assert_true(domain_list_add(&list, span_of(name), &error));
    }
    assert_false(domain_list_add(&list, SPAN("more.example"), &error));
    domain_list_close(&list);
    assert_int_equal(list.count, DOMAIN_LIST_MAX);
    for (unsigned i = 0; i < DOMAIN_LIST_MAX; i++) {
        snprintf(name, sizeof(name), "d%u.example", i);
        assert_true(has(&list, name));
        snprintf(name, sizeof(name), "d%u.exampl", i);
        assert_false(has(&list, name));
    }
    assert_false(has(&list, ""));
    assert_false(has(&list, "example"));
    domain_list_clear(&list);
    assert_false(has(&list, "d1.example"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_one_a_line),
        cmocka_unit_test(finds_each_of_ten_thousand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
