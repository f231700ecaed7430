/*
 * Names as people write them to A-labels.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/base/idn.h"

#include <string.h>

static void
writes_the_form_that_dns_has(void **state)
{
    static const struct {
        const char *what;
        const char *name;
        const char *wanted; /* NULL: refused */
    } rows[] = {
        {"plain", "example.com", "example.com"},
        {"capitals", "EXAMPLE.Com", "example.com"},
        {"a final dot", "example.com.", "example.com"},
        {"an underscore", "_dmarc.example.com", "_dmarc.example.com"},
        {"u with dots",
            "b\xc3\xbc"
            "cher.example",
            "xn--bcher-kva.example"},
        {"its capital",
            "B\xc3\x9c"
            "CHER.example",
            "xn--bcher-kva.example"},
        {"an A-label", "XN--bcher-KVA.example", "xn--bcher-kva.example"},
        {"sharp s stays",
            "stra\xc3\x9f"
            "e.example",
            "xn--strae-oqa.example"},
        {"decomposed",
            "bu\xcc\x88"
            "cher.example",
            "xn--bcher-kva.example"},
        {"a wide full stop",
            "b\xc3\xbc"
            "cher\xe3\x80\x82"
            "example",
            "xn--bcher-kva.example"},
        {"hyphens in third place", "r4---sn-abc.example", NULL},
        {"a numeric label", "1.example", "1.example"},
        {"an A-label that is none", "xn--a.example", NULL},
        {"nothing", "", NULL},
        {"a dot", ".", NULL},
        {"two final dots", "example.com..", NULL},
        {"an empty label", "a..example", NULL},
        {"a blank", "a b.example", NULL},
        {"a line end", "a\n.example", NULL},
        {"an address literal", "[192.0.2.1]", NULL},
        {"an at sign", "a@example.com", NULL},
        {"not UTF-8",
            "b\xfc"
            "cher.example",
            NULL},
        {"an arrow", "\xe2\x86\x92.example", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char out[DOMAIN_MAX + 1] = "x";
        bool done = idn_to_ascii(span_of(rows[i].name), out);

        print_message("# %s: %s\n", rows[i].what, out);
        assert_int_equal(done, rows[i].wanted != NULL);
        assert_string_equal(out, done ? rows[i].wanted : "");
    }
}

static void
refuses_what_is_too_long(void **state)
{
    char name[2000];
    char out[DOMAIN_MAX + 1];

    (void)state;
    memset(name, 'a', sizeof(name));
    assert_true(idn_to_ascii(span_make(name, DOMAIN_LABEL_MAX), out));
    assert_false(idn_to_ascii(span_make(name, DOMAIN_LABEL_MAX + 1), out));
    assert_string_equal(out, "");
    assert_false(idn_to_ascii(span_make(name, sizeof(name)), out));
    assert_false(idn_to_ascii(SPAN("a\0b.example"), out));
    assert_false(idn_to_ascii(span_of(NULL), out));
}

static void
leaves_its_own_output_as_it_is(void **state)
{
    static const char *const names[] = {
        "xn--bcher-kva.example", "xn--strae-oqa.example", "example.com", "_dmarc.a.b"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        char out[DOMAIN_MAX + 1];

        assert_true(idn_to_ascii(span_of(names[i]), out));
        assert_string_equal(out, names[i]);
    }
}

static void
writes_what_people_read(void **state)
{
    static const char text[] = "b\xc3\xbc"
                               "cher.example";
    static const char capitals[] = "B\xc3\x9c"
                                   "CHER.example";
    char out[IDN_TEXT_MAX];

    (void)state;
    assert_true(idn_to_text(SPAN("xn--bcher-kva.example"), out));
    assert_string_equal(out, text);
    assert_true(idn_to_text(span_of(capitals), out));
    assert_string_equal(out, text);
    assert_true(idn_to_text(SPAN("Example.com."), out));
    assert_string_equal(out, "example.com");
    assert_false(idn_to_text(SPAN("xn--a.example"), out));
    assert_string_equal(out, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_people_read),
        cmocka_unit_test(writes_the_form_that_dns_has),
        cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(leaves_its_own_output_as_it_is),
    };

    return cmocka_run_group_tests_name("idn", tests, NULL, NULL);
}
