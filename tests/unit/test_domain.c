/*
 * Domain names and their labels.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/base/domain.h"

#include <string.h>

static void
knows_what_is_a_name(void **state)
{
    static const struct {
        const char *name;
        bool good;
    } rows[] = {
        {"example.com", true},
        {"EXAMPLE.com", true},
        {"localhost", true},
        {"_dmarc.example.com", true},
        {"xn--bcher-kva.example", true},
        {"a-b.1.example", true},
        {"-a.example", true},
        {"", false},
        {".", false},
        {".com", false},
        {"example.com.", false},
        {"a..b", false},
        {"a b.example", false},
        {"a@b.example", false},
        {"b\xc3\xbc.example", false},
        {"[192.0.2.1]", false},
        {"a:b", false},
        {"a/b", false},
        {"a\nb", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# '%s'\n", rows[i].name);
        assert_int_equal(domain_is_valid(span_of(rows[i].name)), rows[i].good);
    }
}

static void
has_the_limits_of_dns(void **state)
{
    char name[DOMAIN_MAX + 1];

    (void)state;
    memset(name, 'a', sizeof(name));
    assert_true(domain_is_valid(span_make(name, DOMAIN_LABEL_MAX)));
    assert_false(domain_is_valid(span_make(name, DOMAIN_LABEL_MAX + 1)));
    for (size_t i = 1; i < sizeof(name); i += 2)
        name[i] = '.';
    assert_true(domain_is_valid(span_make(name, DOMAIN_MAX)));
    assert_false(domain_is_valid(span_make(name, DOMAIN_MAX - 1)));
    name[DOMAIN_MAX] = 'a';
    name[DOMAIN_MAX - 2] = 'a';
    assert_false(domain_is_valid(span_make(name, DOMAIN_MAX + 1)));
}

static void
walks_up_label_by_label(void **state)
{
    struct span name = SPAN("a.b.example");

    (void)state;
    assert_int_equal(domain_label_count(name), 3);
    name = domain_parent(name);
    assert_true(span_is(name, "b.example"));
    name = domain_parent(name);
    assert_true(span_is(name, "example"));
    assert_int_equal(domain_label_count(name), 1);
    name = domain_parent(name);
    assert_true(span_is(name, ""));
    assert_int_equal(domain_label_count(name), 0);
    assert_true(span_is(domain_parent(name), ""));
}

static void
knows_who_is_below_whom(void **state)
{
    static const struct {
        const char *name;
        const char *above;
        bool below;
        bool at_or_below;
    } rows[] = {
        {"a.example.com", "example.com", true, true},
        {"b.a.Example.com", "EXAMPLE.com", true, true},
        {"example.com", "example.com", false, true},
        {"EXAMPLE.com", "example.com", false, true},
        {"notexample.com", "example.com", false, false},
        {"com", "example.com", false, false},
        {".example.com", "example.com", false, false},
        {"a.example.com", "", false, false},
        {"", "example.com", false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct span name = span_of(rows[i].name);
        struct span above = span_of(rows[i].above);

        print_message("# %s, %s\n", rows[i].name, rows[i].above);
        assert_int_equal(domain_is_below(name, above), rows[i].below);
        assert_int_equal(domain_is_at_or_below(name, above), rows[i].at_or_below);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_is_a_name),
        cmocka_unit_test(has_the_limits_of_dns),
        cmocka_unit_test(walks_up_label_by_label),
        cmocka_unit_test(knows_who_is_below_whom),
    };

    return cmocka_run_group_tests_name("domain", tests, NULL, NULL);
}
