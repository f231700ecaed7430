/*
 * Whether Postfix finds a domain in one of its lists.
 */
#include "tests/unit/unit.h"

#include "policyd/wiring/domain_class.h"
#include "shared/base/attributes.h"

/* Every table has example.com and .dotted; every file names example.net. */
static bool
has(void *argument, struct span table, struct span key)
{
    (void)argument;
    return span_starts(table, SPAN("hash:")) &&
           (span_is(key, "example.com") || span_is(key, ".dotted"));
}

static struct span
text(void *argument, struct span path)
{
    (void)argument;
    return span_is(path, "/loop") ? SPAN("/loop")
                                  : SPAN("# example.org\n !x, example.net\n");
}

static const struct domain_class_tables tables = {has, text, NULL};

static void
finds_a_domain_as_postfix_does(void **state)
{
    static const struct {
        const char *list;
        const char *domain;
        enum domain_class_names names;
        bool wanted;
    } rows[] = {
        {"", "example.com", DOMAIN_CLASS_EXACT, false},
        {"a, example.com", "example.com", DOMAIN_CLASS_EXACT, true},
        {"Example.COM", "example.com", DOMAIN_CLASS_EXACT, true},
        {".com com", "example.com", DOMAIN_CLASS_EXACT, false},
        {".com", "example.com", DOMAIN_CLASS_DOTTED, true},
        {"com", "example.com", DOMAIN_CLASS_DOTTED, false},
        {"com", "example.com", DOMAIN_CLASS_PARENTS, true},
        {".com", "example.com", DOMAIN_CLASS_PARENTS, false},
        {"ple.com", "example.com", DOMAIN_CLASS_PARENTS, false},
        {"!example.com, example.com", "example.com", DOMAIN_CLASS_EXACT, false},
        {"!!example.com", "example.com", DOMAIN_CLASS_EXACT, true},
        {"example.com, !example.com", "example.com", DOMAIN_CLASS_EXACT, true},
        {"hash:/x", "example.com", DOMAIN_CLASS_EXACT, true},
        {"!hash:/x, example.com", "example.com", DOMAIN_CLASS_EXACT, false},
        {"hash:/x", "sub.example.com", DOMAIN_CLASS_EXACT, false},
        {"hash:/x", "sub.example.com", DOMAIN_CLASS_PARENTS, true},
        {"ldap:/x", "example.com", DOMAIN_CLASS_EXACT, false},
        {"/names", "example.net", DOMAIN_CLASS_EXACT, true},
        {"/names", "example.org", DOMAIN_CLASS_EXACT, false},
        {"/loop", "example.org", DOMAIN_CLASS_EXACT, false},
        {"[::1]", "example.com", DOMAIN_CLASS_EXACT, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s in \"%s\"\n", rows[i].domain, rows[i].list);
        assert_int_equal(domain_class_is_in(span_of(rows[i].list),
                             span_of(rows[i].domain), rows[i].names, &tables),
            rows[i].wanted);
    }
}

static void
knows_a_table(void **state)
{
    (void)state;
    assert_true(domain_class_is_table(SPAN("hash:/x")));
    assert_true(domain_class_is_table(SPAN("proxy:mysql:/x")));
    assert_true(domain_class_is_table(SPAN("inline:{a=b}")));
    assert_false(domain_class_is_table(SPAN("/x:y")));
    assert_false(domain_class_is_table(SPAN("[2001:db8::1]")));
    assert_false(domain_class_is_table(SPAN("example.com")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_domain_as_postfix_does),
        cmocka_unit_test(knows_a_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
