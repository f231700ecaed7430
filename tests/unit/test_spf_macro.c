/*
 * SPF macros: the examples of RFC 7208 section 7.4, the corners of 7.1 to 7.3.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/records/spf_macro.h"

#include <arpa/inet.h>
#include <string.h>

struct row {
    const char *what;
    const char *text;
    const char *wanted;
};

/* Of the RFC: strong-bad@email.example.com, 192.0.2.3, validated mx.example.org. */
static struct spf_values values;

static int
set_values(void **state)
{
    (void)state;
    values = (struct spf_values){
        .local = SPAN("strong-bad"),
        .sender_domain = SPAN("email.example.com"),
        .domain = SPAN("email.example.com"),
        .helo = SPAN("mx.example.org"),
        .validated = SPAN("mx.example.org"),
        .receiver = SPAN("mx.example.net"),
        .now = 1700000000,
        .address = {192, 0, 2, 3},
        .address_length = 4,
    };
    return 0;
}

/* clang-format off */
static const struct row rows[] = {
    {"s",                      "%{s}",               "strong-bad@email.example.com"},
    {"o",                      "%{o}",               "email.example.com"},
    {"d",                      "%{d}",               "email.example.com"},
    {"d of 4 parts",           "%{d4}",              "email.example.com"},
    {"d of 3 parts",           "%{d3}",              "email.example.com"},
    {"d of 2 parts",           "%{d2}",              "example.com"},
    {"d of 1 part",            "%{d1}",              "com"},
    {"d turned round",         "%{dr}",              "com.example.email"},
    {"d turned round, 2 parts", "%{d2r}",            "example.email"},
    {"l",                      "%{l}",               "strong-bad"},
    {"l at hyphens",           "%{l-}",              "strong.bad"},
    {"l turned round",         "%{lr}",              "strong-bad"},
    {"l turned round at hyphens", "%{lr-}",          "bad.strong"},
    {"l turned round, 1 part", "%{l1r-}",            "strong"},
    {"query 1",                "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
    {"query 2",                "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
    {"query 3",                "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
        "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
    {"query 4",                "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
        "3.2.0.192.in-addr.strong.lp._spf.example.com"},
    {"query 5",                "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
    {"literals",               "%%%_%-",             "% %20"},
    {"text around",            "a%{v}b%{v}c",        "ain-addrbin-addrc"},
    {"c, r, t",                "%{c} %{r} %{t}",     "192.0.2.3 mx.example.net 1700000000"},
    {"p and h",                "%{p} %{h}",          "mx.example.org mx.example.org"},
    {"upper case escapes",     "%{S}",               "strong-bad%40email.example.com"},
    {"upper case, then parts", "%{D2}",              "example.com"},
    {"R turns round too",      "%{dR}",              "com.example.email"},
    {"many digits",            "%{d0000000000000000000000000000002}", "example.com"},
    {"a number beyond all",    "%{d99999999999999999999}", "email.example.com"},
    {"each delimiter",         "%{s.-+,/_=}",        "strong.bad@email.example.com"},
    {"a delimiter that is not there", "%{d+}",       "email.example.com"},
    {"a delimiter of no value: one part", "%{d1+}",  "email.example.com"},
};

static const struct row unsound[] = {
    {"0 parts",                "%{d0}",   NULL}, {"0 parts, at length",  "%{d00}",   NULL},
    {"no letter",              "%{}",     NULL}, {"an unknown letter",   "%{x}",     NULL},
    {"r before the number",    "%{dr2}",  NULL}, {"another delimiter",   "%{d|}",    NULL},
    {"a blank inside",         "%{d }",   NULL}, {"a negative number",   "%{d-2}",   NULL},
    {"percent alone",          "%",       NULL}, {"percent and a letter", "%d",      NULL},
    {"percent and a blank",    "% ",      NULL}, {"no end",              "a%{d",     NULL},
    {"an octet above 0x7f",    "\xe9",    NULL}, {"a line end",          "a\r\n",    NULL},
};
/* clang-format on */

static void
expands_sound_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer out;

        print_message("# %s\n", rows[i].what);
        buffer_init(&out, 1000);
        assert_true(spf_macro_is_sound(span_of(rows[i].text), SPF_MACRO_EXPLANATION));
        spf_macro_expand(span_of(rows[i].text), &values, &out);
        assert_string_equal(buffer_text(&out), rows[i].wanted);
        buffer_clear(&out);
    }
}

static void
refuses_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(unsound); i++) {
        print_message("# %s\n", unsound[i].what);
        assert_false(spf_macro_is_sound(span_of(unsound[i].text), SPF_MACRO_EXPLANATION));
        assert_false(spf_macro_is_sound(span_of(unsound[i].text), SPF_MACRO_STRING));
        assert_false(spf_macro_is_sound(span_of(unsound[i].text), SPF_MACRO_DOMAIN));
    }
    /* Explanations alone have blanks and these letters. */
    assert_true(spf_macro_is_sound(SPAN("a b %{c}"), SPF_MACRO_EXPLANATION));
    assert_false(spf_macro_is_sound(SPAN("a b"), SPF_MACRO_STRING));
    assert_false(spf_macro_is_sound(SPAN("%{c}"), SPF_MACRO_STRING));
    assert_false(spf_macro_is_sound(SPAN("%{R}"), SPF_MACRO_STRING));
    assert_false(spf_macro_is_sound(SPAN("a.%{T}"), SPF_MACRO_DOMAIN));
    assert_true(spf_macro_is_sound(SPAN(""), SPF_MACRO_EXPLANATION));
    assert_true(spf_macro_is_sound(SPAN(""), SPF_MACRO_STRING));
}

static void
expands_the_ipv6_example(void **state)
{
    char out[SPF_MACRO_NAME_MAX];
    struct buffer text;

    (void)state;
    values.address_length = 16;
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::cb01", values.address), 1);
    assert_true(
        span_is_nocase(spf_macro_name(SPAN("%{ir}.%{v}._spf.%{d2}"), &values, out),
            "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
            ".ip6._spf.example.com"));
    buffer_init(&text, 100);
    spf_macro_expand(SPAN("%{c}"), &values, &text);
    assert_string_equal(buffer_text(&text), "2001:db8::cb01");
    buffer_clear(&text);
}

static void
escapes_all_but_unreserved_octets(void **state)
{
    struct buffer text;

    (void)state;
    values.local = SPAN("~jack&jill=up-a_b3.c\xff/");
    buffer_init(&text, 100);
    spf_macro_expand(SPAN("%{L}"), &values, &text);
    assert_string_equal(buffer_text(&text), "~jack%26jill%3Dup-a_b3.c%FF%2F");
    buffer_clear(&text);
}

static void
parts_may_be_empty_and_hold_any_octet(void **state)
{
    char out[SPF_MACRO_NAME_MAX];

    (void)state;
    values.local = SPAN("-a \\\0\xfe--b");
    assert_true(span_equal(spf_macro_name(SPAN("%{l-}.%{o}"), &values, out),
        SPAN(".a \\\0\xfe..b.email.example.com")));
    assert_true(span_equal(spf_macro_name(SPAN("%{l1r-}.x"), &values, out), SPAN(".x")));
}

#define TEN "a123456789"
#define FIFTY TEN TEN TEN TEN TEN

static void
names_are_cut_from_the_left(void **state)
{
    char out[SPF_MACRO_NAME_MAX];
    struct span name;

    (void)state;
    assert_true(
        span_is(spf_macro_name(SPAN("example.com."), &values, out), "example.com"));
    values.domain = SPAN(FIFTY "." FIFTY "." FIFTY "." FIFTY ".example.com");
    name = spf_macro_name(SPAN("x.%{d}"), &values, out);
    assert_int_equal(name.length, 2 + 4 * 51 + 11);
    name = spf_macro_name(SPAN("%{d}.%{d}"), &values, out);
    assert_int_equal(name.length, 12 + 4 * 51 + 11);
    assert_true(span_starts(name, SPAN("example.com." TEN)));
    /* 38 + 215 octets are 253 and fit; one more does not. */
    name = spf_macro_name(
        SPAN("y.a23456789.b23456789.c23456789.d234567.%{d}"), &values, out);
    assert_true(span_starts(name, SPAN("a2345")));
    assert_int_equal(name.length, 253);
    name = spf_macro_name(
        SPAN("y.a23456789.b23456789.c23456789.d2345678.%{d}."), &values, out);
    assert_true(span_starts(name, SPAN("b2345")));
}

static void
a_long_text_of_macros_costs_little(void **state)
{
    static char text[60000];
    char out[SPF_MACRO_NAME_MAX];
    static char local[2048];
    struct buffer shown;

    (void)state;
    for (size_t i = 0; i + 4 <= sizeof(text); i += 4)
        memcpy(text + i, "%{S}", 4);
    memset(local, '.', sizeof(local));
    values.local = span_make(local, sizeof(local));
    assert_true(spf_macro_is_sound(span_make(text, sizeof(text)), SPF_MACRO_DOMAIN));
    assert_true(span_ends(
        spf_macro_name(span_make(text, sizeof(text)), &values, out), SPAN(".com")));
    buffer_init(&shown, 400);
    spf_macro_expand(span_make(text, sizeof(text)), &values, &shown);
    assert_false(buffer_ok(&shown));
    buffer_clear(&shown);
}

static void
a_label_without_end_is_no_name(void **state)
{
    static char text[600];
    char out[SPF_MACRO_NAME_MAX];

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text + sizeof(text) - 4, "%{v}", 4);
    assert_int_equal(
        spf_macro_name(span_make(text, sizeof(text)), &values, out).length, 0);
}

static void
finds_letters(void **state)
{
    (void)state;
    assert_true(spf_macro_has(SPAN("a.%{P}.b"), 'p'));
    assert_true(spf_macro_has(SPAN("%%%{d}%{p2r}"), 'p'));
    assert_false(spf_macro_has(SPAN("%%{p}.%{d}"), 'p'));
    assert_false(spf_macro_has(SPAN("example.com"), 'p'));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(expands_sound_texts, set_values),
        cmocka_unit_test(refuses_others),
        cmocka_unit_test_setup(expands_the_ipv6_example, set_values),
        cmocka_unit_test_setup(escapes_all_but_unreserved_octets, set_values),
        cmocka_unit_test_setup(parts_may_be_empty_and_hold_any_octet, set_values),
        cmocka_unit_test_setup(names_are_cut_from_the_left, set_values),
        cmocka_unit_test_setup(a_long_text_of_macros_costs_little, set_values),
        cmocka_unit_test_setup(a_label_without_end_is_no_name, set_values),
        cmocka_unit_test(finds_letters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
