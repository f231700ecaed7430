/*
 * SPF records as RFC 7208 section 12 has them: each text either refused, or its terms.
 */
#include "tests/unit/unit.h"

#include "shared/base/arena.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "shared/records/spf_record.h"

#include <arpa/inet.h>
#include <string.h>

struct row {
    const char *what;
    const char *text;
    const char *terms; /* NULL: refused */
};

/* clang-format off */
static const struct row rows[] = {
    {"nothing but a version",       "v=spf1",                             ""},
    {"blanks behind it",            "v=spf1   ",                          ""},
    {"version in any case",         "V=sPf1 -all",                        "-all"},
    {"several blanks between",      "v=spf1  a   -all ",                  "+a -all"},
    {"each qualifier",              "v=spf1 +a -mx ~ptr ?all",            "+a -mx ~ptr ?all"},
    {"names in any case",           "v=spf1 A MX:Example.COM ALL",        "+a +mx:Example.COM +all"},
    {"another version",             "v=spf10 -all",                       NULL},
    {"no blank behind the version", "v=spf1;-all",                        NULL},
    {"a tab",                       "v=spf1\ta -all",                     NULL},
    {"a control octet at the end",  "v=spf1 a -all\x07",                  NULL},
    {"an octet above 0x7f",         "v=spf1 a:ex\xc3\xa4mple.com -all",   NULL},
    {"DEL",                         "v=spf1 a:\x7f.example.com -all",     NULL},
    {"an unknown mechanism",        "v=spf1 all moo",                     NULL},
    {"a mechanism cut short",       "v=spf1 al",                          NULL},
    {"a dot behind a mechanism",    "v=spf1 all.",                        NULL},
    {"an error behind all",         "v=spf1 -all ip4:192.0.2.300",        NULL},
    {"two qualifiers",              "v=spf1 --all",                       NULL},
    {"a qualifier alone",           "v=spf1 -",                           NULL},
    {"a qualifier, then a modifier", "v=spf1 -foo=bar",                   NULL},
    {"all with a domain",           "v=spf1 all:example.com",             NULL},
    {"all with a prefix length",    "v=spf1 all/8",                       NULL},

    {"include",                     "v=spf1 include:_spf.example.com",    "+include:_spf.example.com"},
    {"include of nothing",          "v=spf1 include",                     NULL},
    {"include of an empty name",    "v=spf1 include:",                    NULL},
    {"include with a prefix length", "v=spf1 include:example.com/24",     NULL},
    {"exists of nothing",           "v=spf1 exists",                      NULL},
    {"exists of an empty name",     "v=spf1 exists: -all",                NULL},
    {"ptr of an empty name",        "v=spf1 ptr: -all",                   NULL},
    {"ptr with a prefix length",    "v=spf1 ptr/0",                       NULL},
    {"a of an empty name",          "v=spf1 a: -all",                     NULL},
    {"a of an empty name with a prefix length", "v=spf1 a:/24",           NULL},
    {"mx of an empty name",         "v=spf1 mx: -all",                    NULL},

    {"prefix lengths",              "v=spf1 a/24 mx//64 a:example.com/0//0", "+a/24 +mx//64 +a:example.com/0//0"},
    {"both, full",                  "v=spf1 a/32//128",                   "+a"},
    {"too long for IPv4",           "v=spf1 a/33",                        NULL},
    {"too long for IPv6",           "v=spf1 a//129",                      NULL},
    {"far too long",                "v=spf1 a/4294967320",                NULL},
    {"beyond any number",           "v=spf1 ip4:192.0.2.1/99999999999999999999999", NULL},
    {"a leading zero",              "v=spf1 a/032",                       NULL},
    {"two zeros",                   "v=spf1 a/00",                        NULL},
    {"no digits",                   "v=spf1 a/",                          NULL},
    {"no digits for IPv6",          "v=spf1 a/24//",                      NULL},
    {"the wrong order",             "v=spf1 a//64/24",                    NULL},
    {"three slashes",               "v=spf1 a///64",                      NULL},
    {"a sign",                      "v=spf1 a/+24",                       NULL},

    {"IPv4",                        "v=spf1 ip4:192.0.2.1 ip4:0.0.0.0/0", "+ip4:192.0.2.1 +ip4:0.0.0.0/0"},
    {"IPv4 without an address",     "v=spf1 ip4",                         NULL},
    {"IPv4 with an empty address",  "v=spf1 ip4:",                        NULL},
    {"IPv4 of three numbers",       "v=spf1 ip4:192.0.2",                 NULL},
    {"IPv4 with a port",            "v=spf1 ip4:192.0.2.1:25",            NULL},
    {"IPv4 with a leading zero",    "v=spf1 ip4:192.0.02.1",              NULL},
    {"IPv4 with two slashes",       "v=spf1 ip4:192.0.2.1//32",           NULL},
    {"IPv4 with IPv6",              "v=spf1 ip4:2001:db8::1",             NULL},
    {"IPv4 as a macro",             "v=spf1 ip4:%{i}",                    NULL},
    {"IPv6",                        "v=spf1 ip6:2001:db8::1 ip6:::/0",    "+ip6:2001:db8::1 +ip6:::/0"},
    {"IPv6 with IPv4 in it",        "v=spf1 ip6:::ffff:192.0.2.1/96",     "+ip6:::ffff:192.0.2.1/96"},
    {"IPv6 too long",               "v=spf1 ip6:::1/129",                 NULL},
    {"IPv6 with a zone",            "v=spf1 ip6:fe80::1%eth0",            NULL},
    {"IPv6 with two gaps",          "v=spf1 ip6:2001::db8::1",            NULL},
    {"IPv6 in brackets",            "v=spf1 ip6:[2001:db8::1]",           NULL},

    {"a domain with odd octets",    "v=spf1 a:f\"o;o:b/r.example.com",    "+a:f\"o;o:b/r.example.com"},
    {"a final dot",                 "v=spf1 a:example.com.",              "+a:example.com."},
    {"a numeric top label",         "v=spf1 a:192.0.2.1",                 NULL},
    {"a hyphen in the top label",   "v=spf1 a:example.co-m",              "+a:example.co-m"},
    {"one at its end",              "v=spf1 a:example.com-",              NULL},
    {"an underscore in it",         "v=spf1 a:example._com",              NULL},
    {"a top label alone",           "v=spf1 a:museum",                    NULL},
    {"a top label and a dot",       "v=spf1 a:museum.",                   NULL},
    {"a dot and a top label",       "v=spf1 a:.museum",                   "+a:.museum"},
    {"two final dots",              "v=spf1 a:example.com..",             NULL},
    {"a port behind the domain",    "v=spf1 a:example.com:8080",          NULL},
    {"macros",                      "v=spf1 exists:%{ir}.%{l1r-}._spf.%{d2}", "+exists:%{ir}.%{l1r-}._spf.%{d2}"},
    {"a macro, then text without a dot", "v=spf1 exists:%{d}com",         NULL},
    {"text, then a macro",          "v=spf1 exists:foo%{d}",              "+exists:foo%{d}"},
    {"a macro and a prefix length", "v=spf1 a:%{d}/24",                   "+a:%{d}/24"},
    {"a macro with a slash",        "v=spf1 a:%{d/}/24",                  "+a:%{d/}/24"},
    {"percent at the end",          "v=spf1 exists:example.com%",         NULL},
    {"percent and junk",            "v=spf1 exists:%(i).example.com",     NULL},
    {"an unknown letter",           "v=spf1 exists:%{x}.example.com",     NULL},
    {"a letter of explanations",    "v=spf1 exists:%{t}.example.com",     NULL},
    {"an open brace",               "v=spf1 exists:%{i.example.com",      NULL},

    {"redirect",                    "v=spf1 redirect=example.com",        "redirect=example.com"},
    {"redirect in front",           "v=spf1 redirect=example.com a",      "+a redirect=example.com"},
    {"redirect twice",              "v=spf1 redirect=a.example.com redirect=a.example.com", NULL},
    {"redirect with a colon",       "v=spf1 redirect:example.com",        NULL},
    {"redirect to nothing",         "v=spf1 redirect=",                   NULL},
    {"redirect to a top label",     "v=spf1 redirect=com",                NULL},
    {"redirect with a prefix length", "v=spf1 redirect=example.com/24",   NULL},
    {"explanation",                 "v=spf1 -all exp=exp.%{d}",           "-all exp=exp.%{d}"},
    {"explanation twice",           "v=spf1 -all exp=e.example.com EXP=e.example.com", NULL},
    {"explanation of nothing",      "v=spf1 -all exp=",                   NULL},
    {"unknown modifiers",           "v=spf1 foo=bar a.-_9= v=spf1 -all foo=%{d}%%", "-all"},
    {"an unknown one with a bad macro", "v=spf1 foo=%abc -all",           NULL},
    {"a modifier that begins with a digit", "v=spf1 9foo=bar",            NULL},
    {"a modifier without a name",   "v=spf1 =bar",                        NULL},
    {"a modifier named as a mechanism", "v=spf1 a=example.com",           ""},
};
/* clang-format on */

static const char *
name_of(enum spf_mechanism mechanism)
{
    static const char *const names[] = {
        [SPF_ALL] = "all",
        [SPF_INCLUDE] = "include",
        [SPF_A] = "a",
        [SPF_MX] = "mx",
        [SPF_PTR] = "ptr",
        [SPF_IP4] = "ip4",
        [SPF_IP6] = "ip6",
        [SPF_EXISTS] = "exists",
    };

    return names[mechanism];
}

static void
describe_term(const struct spf_term *term, struct buffer *out)
{
    bool is_v6 = term->mechanism == SPF_IP6;
    char address[INET6_ADDRSTRLEN];

    buffer_printf(out, "%s%c%s", out->length > 0 ? " " : "", term->qualifier,
        name_of(term->mechanism));
    if (term->mechanism == SPF_IP4 || is_v6) {
        (void)inet_ntop(
            is_v6 ? AF_INET6 : AF_INET, term->address, address, sizeof(address));
        buffer_printf(out, ":%s", address);
    } else if (term->domain.length > 0) {
        buffer_printf(out, ":%.*s", (int)term->domain.length, term->domain.data);
    }
    if (term->prefix4 != 32)
        buffer_printf(out, "/%u", term->prefix4);
    if (term->prefix6 != 128)
        buffer_printf(out, is_v6 ? "/%u" : "//%u", term->prefix6);
}

static void
describe_modifier(const char *name, struct span value, struct buffer *out)
{
    if (value.length > 0)
        buffer_printf(out, "%s%s=%.*s", out->length > 0 ? " " : "", name,
            (int)value.length, value.data);
}

static void
reads_what_the_grammar_has_and_refuses_the_rest(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct spf_record record;
        struct spf_term term;
        struct buffer out;
        const char *problem;
        bool good = spf_record_parse(span_of(rows[i].text), &record, &problem);

        print_message("# %s\n", rows[i].what);
        assert_int_equal(good, rows[i].terms != NULL);
        if (!good) {
            assert_non_null(problem);
            continue;
        }
        buffer_init(&out, 1000);
        while (spf_record_next(&record.terms, &term))
            describe_term(&term, &out);
        describe_modifier("redirect", record.redirect, &out);
        describe_modifier("exp", record.exp, &out);
        assert_string_equal(buffer_text(&out), rows[i].terms);
        buffer_clear(&out);
    }
}

static void
a_nul_is_refused_and_not_an_end(void **state)
{
    struct spf_record record;
    const char *problem;

    (void)state;
    assert_false(spf_record_parse(SPAN("v=spf1 +all\0 -all"), &record, &problem));
    assert_false(spf_record_parse(SPAN("v=spf1\0"), &record, &problem));
    assert_true(spf_record_parse(SPAN("v=spf1 ~all"), &record, &problem));
    assert_true(record.has_all);
}

static void
selects_the_one_record(void **state)
{
    static const char *const texts[][3] = {
        {"v=spf1 -all", "something else", "v=spf10"},
        {"v=spf1", "V=SPF1 a", ""},
        {"v=spf1x", "spf2.0/pra v=spf1", " v=spf1"},
        {"", "v=DMARC1", "v=spf1 +all"},
    };
    static const unsigned wanted[] = {1, 2, 0, 1};
    struct dns_record records[3] = {0};
    struct dns_answer answer = {.status = DNS_OK, .records = records, .count = 3};
    struct span text;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        for (size_t n = 0; n < 3; n++)
            records[n].text = span_of(texts[i][n]);
        assert_int_equal(spf_record_select(&answer, &text), wanted[i]);
    }
    assert_true(span_is(text, "v=spf1 +all"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_the_grammar_has_and_refuses_the_rest),
        cmocka_unit_test(a_nul_is_refused_and_not_an_end),
        cmocka_unit_test(selects_the_one_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
