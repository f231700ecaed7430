/*
 * From fields to author domains: what must be read, what must not.
 */
#include "tests/unit/unit.h"

#include "milters/message/author.h"
#include "shared/base/attributes.h"

#include <string.h>

static struct author
read_fields(const struct header_field *fields, size_t count)
{
    struct author author;

    author_read(fields, count, &author);
    return author;
}

static struct author
read_one(struct span value)
{
    const struct header_field field = {SPAN("From"), value};

    return read_fields(&field, 1);
}

static void
reads_one_author_domain(void **state)
{
    static const struct {
        const char *what;
        const char *value;
        const char *domain;
    } rows[] = {
        {"a bare address", " a@example.com", "example.com"},
        {"no blank at all", "a@example.com", "example.com"},
        {"in brackets", " <a@example.com>", "example.com"},
        {"a name", " Anna B <a@example.com>", "example.com"},
        {"a comment behind", " a@example.com (Anna)", "example.com"},
        {"a comment with an address", " (x@evil.example) a@example.com", "example.com"},
        {"nested comments", " (a (b (c@d.example) e) f) a@example.com", "example.com"},
        {"a quoted parenthesis in a comment", " (\\) <x@y.example>) a@example.com",
            "example.com"},
        {"comments all around", " (1)A(2)<(3)a(4)@(5)example.com(8)>(9)", "example.com"},
        {"a quoted name with an address", " \"x@evil.example\" <a@example.com>",
            "example.com"},
        {"a quoted name with comma and brackets", " \"B, <x>, A\" <a@example.com>",
            "example.com"},
        {"a quoted pair in a quoted name", " \"a \\\" <x@evil.example>\" <a@example.com>",
            "example.com"},
        {"a quoted local part", " <\"a b\"@example.com>", "example.com"},
        {"a quoted local part with an at sign", " \"a@evil.example\"@example.com",
            "example.com"},
        {"a quoted pair in a local part", " \"a\\\"b\"@example.com", "example.com"},
        {"an encoded-word as name", " =?utf-8?Q?Anna?= <a@example.com>", "example.com"},
        {"an encoded-word that hides an address",
            " =?utf-8?B?eEBldmlsLmV4YW1wbGU=?= <a@example.com>", "example.com"},
        {"a name in UTF-8", " J\xc3\xbcrgen <a@example.com>", "example.com"},
        {"a name in Latin-1", " J\xfcrgen <a@example.com>", "example.com"},
        {"dots in a name", " Anna B. C <a@example.com>", "example.com"},
        {"a fold between name and address", " Anna\n\t<a@example.com>", "example.com"},
        {"a fold with CR", " Anna\r\n <a@example.com>", "example.com"},
        {"a fold before everything", "\n a@example.com", "example.com"},
        {"blanks round the at sign and in a local part", " a . b @ example.com ",
            "example.com"},
        {"a final dot and a blank", " a@example.com. (c)", "example.com"},
        {"an empty list element", " , a@example.com,,", "example.com"},
        {"a group of one", " Team: a@example.com;", "example.com"},
        {"a group of two of one domain", " Team: a@example.com, B <b@example.com>;",
            "example.com"},
        {"two addresses of one domain", " a@example.com, b@EXAMPLE.com", "example.com"},
        {"upper case", " A@EXAMPLE.COM", "example.com"},
        {"a final dot", " a@example.com.", "example.com"},
        {"a final dot in brackets", " <a@example.com.>", "example.com"},
        {"an underscore", " a@a_b.example.com", "a_b.example.com"},
        {"an IDN", " a@m\xc3\xbcnchen.example", "xn--mnchen-3ya.example"},
        {"the same IDN twice", " a@m\xc3\xbcnchen.example, b@xn--mnchen-3ya.example",
            "xn--mnchen-3ya.example"},
        {"full-width letters", " a@\xef\xbd\x85xample.com", "example.com"},
        {"an ideographic full stop",
            " a@example\xe3\x80\x82"
            "com",
            "example.com"},
        {"a local part in UTF-8", " j\xc3\xbcrgen@example.com", "example.com"},
        {"odd atoms", " !#$%&'*+-/=?^_`{|}~@example.com", "example.com"},
        {"two at signs, one quoted", " \"@\"@example.com", "example.com"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct author author = read_one(span_of(rows[i].value));

        print_message("# %s\n", rows[i].what);
        assert_int_equal(author.kind, AUTHOR_ONE);
        assert_null(author.reason);
        assert_int_equal(author.count, 1);
        assert_string_equal(author.domains[0], rows[i].domain);
    }
}

static void
refuses_what_readers_could_show_differently(void **state)
{
    static const struct {
        const char *what;
        const char *value;
        const char *reason;
    } rows[] = {
        {"empty", "", "no address in the From field"},
        {"blank", " \n ", "no address in the From field"},
        {"commas alone", ",,", "no address in the From field"},
        {"an encoded-word as address",
            " =?utf-8?B?YUB2aWN0aW0uZXhhbXBsZQ==?=", "not an address"},
        {"an encoded-word as local part",
            " =?utf-8?B?YUB2aWN0aW0uZXhhbXBsZQ==?=@evil.example",
            "encoded-word in an address"},
        {"an encoded-word in brackets", " <=?utf-8?B?YUB2aWN0aW0uZXhhbXBsZQ==?=>",
            "no at sign in an address"},
        {"two brackets", " <a@victim.example><a@evil.example>", "text behind an address"},
        {"an address behind brackets", " <a@victim.example>a@evil.example",
            "text behind an address"},
        {"an address as name", " a@victim.example <a@evil.example>",
            "text behind an address"},
        {"two words", " anna example", "not an address"},
        {"a name before an address without brackets", " Anna a@example.com",
            "no local part before the at sign"},
        {"a word, then an address", " anna,<a@example.com>", "not an address"},
        {"a backslash before the comma", " <a@victim.example>\\,<a@evil.example>",
            "text behind an address"},
        {"an unclosed comment", " a@example.com (Anna", "unclosed comment"},
        {"a comment closed in a quoted pair", " a@example.com (Anna\\)",
            "unclosed comment"},
        {"a backslash at the end of a comment", " a@example.com (\\", "unclosed comment"},
        {"an unclosed quote", " \"Anna <a@example.com>", "unclosed quote"},
        {"an unclosed bracket", " Anna <a@example.com",
            "no closing bracket behind the address"},
        {"an unclosed group", " Team: a@example.com", "unclosed group"},
        {"a source route", " <@victim.example:a@evil.example>", "source route"},
        {"a route of two", " <@a.example,@b.example:c@evil.example>", "source route"},
        {"two at signs", " a@victim.example@evil.example", "text behind an address"},
        {"two at signs in brackets", " <a@victim.example@evil.example>",
            "no closing bracket behind the address"},
        {"an empty local part", " @example.com", "empty local part"},
        {"an empty quoted local part", " \"\"@example.com",
            "no local part before the at sign"},
        {"an empty local part in brackets", " <>", "no at sign in an address"},
        {"a dot at the start", " .a@example.com",
            "a dot where a name or address should begin"},
        {"a dot at the end of a local part", " a.@example.com",
            "no local part before the at sign"},
        {"two dots", " a..b@example.com", "no local part before the at sign"},
        {"an empty label", " a@example..com", "empty label"},
        {"a dot before the domain", " a@.example.com", "empty label"},
        {"two final dots", " a@example.com..", "empty label"},
        {"no domain", " a@", "empty label"},
        {"a label too long",
            " a@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example",
            "no valid domain"},
        {"an empty group", " undisclosed-recipients:;", "no address in the From field"},
        {"a group in a group", " a: b: c@example.com;;", "not an address"},
        {"a domain literal", " a@[192.0.2.1]", "domain literal"},
        {"no at sign", " root", "not an address"},
        {"a domain of one label", " a@localhost", "domain of one label"},
        {"a control character in a name", " An\x01na <a@example.com>",
            "control character in the From field"},
        {"one in a comment", " a@example.com (\x7f)",
            "control character in the From field"},
        {"one in a quoted string", " \"\x1b[2J\" <a@example.com>",
            "control character in the From field"},
        {"a bare CR", " Anna\r <a@example.com>", "control character in the From field"},
        {"a line end that is no fold", " a@example.com\nX",
            "control character in the From field"},
        {"a domain that is no UTF-8", " a@m\xfcnchen.example", "no valid domain"},
        {"a local part that is no UTF-8", " j\xfcrgen@example.com",
            "local part is no UTF-8"},
        {"an apostrophe in the domain", " a@victim.example'.evil.example",
            "no valid domain"},
        {"a parenthesis in the domain", " a@victim.example(.evil.example",
            "unclosed comment"},
        {"a joiner in the domain", " a@exam\xe2\x80\x8dple.com", "no valid domain"},
        {"a bad A-label", " a@xn--0.example", "no valid domain"},
        {"text behind the brackets", " <a@example.com> Anna", "text behind an address"},
        {"an opening bracket more", " <<a@example.com>", "no at sign in an address"},
        {"a semicolon", " a@example.com;", "text behind an address"},
        {"a blank before a dot of the domain", " a@victim.example .evil.example",
            "white space or a comment inside a domain"},
        {"a blank behind it", " a@victim.example. evil.example",
            "white space or a comment inside a domain"},
        {"a fold at the dot", " a@victim.example\n .evil.example",
            "white space or a comment inside a domain"},
        {"a tab in brackets", " <a@victim.example.\tevil.example>",
            "white space or a comment inside a domain"},
        {"a comment at the dot", " a@victim.example(c).evil.example",
            "white space or a comment inside a domain"},
        {"a comment behind it", " a@victim.example.(c)evil.example",
            "white space or a comment inside a domain"},
        {"a blank before the final dot", " a@victim.example .",
            "white space or a comment inside a domain"},
        {"a blank between two labels", " a@victim.example evil.example",
            "text behind an address"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct author author = read_one(span_of(rows[i].value));

        print_message("# %s\n", rows[i].what);
        assert_int_equal(author.kind, AUTHOR_BAD);
        assert_string_equal(author.reason, rows[i].reason);
        assert_int_equal(author.count, 0);
    }
}

static void
tells_several_authors(void **state)
{
    struct author author = read_one(SPAN(" a@b.example, c@d.example, e@B.example"));

    (void)state;
    assert_int_equal(author.kind, AUTHOR_SEVERAL);
    assert_string_equal(author.reason, "several author domains");
    assert_int_equal(author.count, 2);
    assert_string_equal(author.domains[0], "b.example");
    assert_string_equal(author.domains[1], "d.example");
    author = read_one(SPAN(" a@1.example, a@2.example, a@3.example, a@4.example"));
    assert_int_equal(author.kind, AUTHOR_SEVERAL);
    assert_int_equal(author.count, 4);
    author =
        read_one(SPAN(" a@1.example, a@2.example, a@3.example, a@4.example,a@5.example"));
    assert_int_equal(author.kind, AUTHOR_BAD);
    assert_string_equal(author.reason, "too many author domains");
}

static void
wants_exactly_one_field(void **state)
{
    const struct header_field subject = {SPAN("Subject"), SPAN(" a@example.com")};
    const struct header_field sender = {SPAN("Sender"), SPAN(" a@example.com")};
    const struct header_field resent = {SPAN("Resent-From"), SPAN(" a@example.com")};
    const struct header_field from = {SPAN("From"), SPAN(" a@example.com")};
    const struct header_field lower = {SPAN("fROM"), SPAN(" a@example.com")};
    const struct header_field other = {SPAN("From"), SPAN(" a@evil.example")};
    const struct header_field bad = {SPAN("From"), SPAN(" anna")};
    const struct header_field spaced = {SPAN("From "), SPAN(" a@example.com")};
    const struct {
        const char *what;
        struct header_field fields[3];
        enum author_kind kind;
        size_t count;
        const char *reason;
    } rows[] = {
        {"From among others", {subject, lower, sender}, AUTHOR_ONE, 1, NULL},
        {"none", {subject, sender, resent}, AUTHOR_BAD, 0, "no From field"},
        {"two that are equal", {from, subject, lower}, AUTHOR_SEVERAL, 1,
            "several From fields"},
        {"two", {from, subject, other}, AUTHOR_SEVERAL, 2, "several From fields"},
        {"two, one of them bad", {from, subject, bad}, AUTHOR_BAD, 0, "not an address"},
        {"white space before the colon", {subject, spaced, sender}, AUTHOR_BAD, 0,
            "white space before the colon of the From field"},
        {"the same beside a good one", {from, spaced, sender}, AUTHOR_BAD, 0,
            "white space before the colon of the From field"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct author author = read_fields(rows[i].fields, 3);

        print_message("# %s\n", rows[i].what);
        assert_int_equal(author.kind, rows[i].kind);
        assert_int_equal(author.count, rows[i].count);
        if (rows[i].reason == NULL)
            assert_null(author.reason);
        else
            assert_string_equal(author.reason, rows[i].reason);
    }
    assert_string_equal(read_fields(NULL, 0).reason, "no From field");
}

static void
keeps_its_ceilings(void **state)
{
    static char value[AUTHOR_VALUE_MAX + 1];
    size_t length = 0;
    struct author author;

    (void)state;
    /* 16 addresses, then 17. */
    for (int i = 0; i < AUTHOR_ADDRESSES_MAX + 1; i++) {
        memcpy(value + length, "a@example.com,", 14);
        length += 14;
    }
    author = read_one(span_make(value, length - 14));
    assert_int_equal(author.kind, AUTHOR_ONE);
    author = read_one(span_make(value, length));
    assert_string_equal(author.reason, "too many addresses");
    /* A long name, as long as it may be and one more. */
    memset(value, 'x', sizeof(value));
    memcpy(value + AUTHOR_VALUE_MAX - 16, " <a@example.com>", 16);
    assert_int_equal(read_one(span_make(value, AUTHOR_VALUE_MAX)).kind, AUTHOR_ONE);
    value[AUTHOR_VALUE_MAX] = ' ';
    author = read_one(span_make(value, AUTHOR_VALUE_MAX + 1));
    assert_string_equal(author.reason, "From field too long");
    /* Nothing but opening parentheses, and a domain that never ends. */
    memset(value, '(', sizeof(value));
    author = read_one(span_make(value, AUTHOR_VALUE_MAX));
    assert_string_equal(author.reason, "unclosed comment");
    memset(value, 'a', sizeof(value));
    value[1] = '@';
    author = read_one(span_make(value, AUTHOR_VALUE_MAX));
    assert_string_equal(author.reason, "domain too long");
    author = read_one(span_make("a@example.com\0", 14));
    assert_string_equal(author.reason, "control character in the From field");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_one_author_domain),
        cmocka_unit_test(refuses_what_readers_could_show_differently),
        cmocka_unit_test(tells_several_authors),
        cmocka_unit_test(wants_exactly_one_field),
        cmocka_unit_test(keeps_its_ceilings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
