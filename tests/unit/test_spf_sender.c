/*
 * Whose mailbox MAIL FROM names: where Postfix and everybody else agree, and where not.
 */
#include "tests/unit/unit.h"

#include "milters/spf/spf_sender.h"
#include "shared/base/attributes.h"

static void
agrees_on_plain_mailboxes(void **state)
{
    static const struct {
        const char *argument;
        const char *mail_addr;
    } rows[] = {
        {"<a@b.example>", "a@b.example"},
        {"a@b.example", "a@b.example"},
        {"<>", ""},
        {"", ""},
        {"<root>", "root"},
        {"<a@B.Example>", "a@b.example"},
        {"<a@b.example.>", "a@b.example"},
        {"<a@b.example.>", "a@b.example."},
        {"<a@b.example>", "a@b.example."},
        {"<\"a\"@b.example>", "a@b.example"},
        {"<\"a b\"@b.example>", "\"a b\"@b.example"},
        {"<\"a@evil.example\"@b.example>", "\"a@evil.example\"@b.example"},
        {"<\"a\\\"b\"@b.example>", "\"a\\\"b\"@b.example"},
        {"<\"a\\\\\"@b.example>", "\"a\\\\\"@b.example"},
        {"<j\xc3\xbcrgen@b.example>", "j\xc3\xbcrgen@b.example"},
        {"<a@b\xc3\xbc.example>", "a@b\xc3\xbc.example"},
        {"<a b@b.example>", "a b@b.example"},
        {"<a+b=c!d'e@b.example>", "a+b=c!d'e@b.example"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].argument);
        assert_int_equal(
            spf_sender_read(span_of(rows[i].argument), span_of(rows[i].mail_addr)),
            SPF_SENDER_PLAIN);
    }
}

static void
takes_no_pass_from_quotes_that_hide_something(void **state)
{
    static const struct {
        const char *argument;
        const char *mail_addr;
    } rows[] = {
        {"<\"a\tb\"@b.example>", "\"a\tb\"@b.example"},
        {"<\"a<b\"@b.example>", "\"a<b\"@b.example"},
        {"<\"a>b\"@b.example>", "\"a>b\"@b.example"},
        {"<\"a\x01\x7f\"@b.example>", "\"a\x01\x7f\"@b.example"},
        {"<\"a\"@b.example>", "b@b.example"},
        {"<\"a@evil.example\"@b.example>", "a@evil.example@b.example"},
        {"<\"a\tb\"@b.example.>", "\"a\\\tb\"@b.example"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].argument);
        assert_int_equal(
            spf_sender_read(span_of(rows[i].argument), span_of(rows[i].mail_addr)),
            SPF_SENDER_QUOTED);
    }
}

static void
takes_nothing_that_readers_take_differently(void **state)
{
    static const struct {
        const char *argument;
        const char *mail_addr;
    } rows[] = {
        {"<a@victim.example>", "a@evil.example"},
        {"<a@victim.example>", "a@victim.example.evil.example"},
        {"<a@victim.example..>", "a@victim.example."},
        {"<(any@victim.example>", ""},
        {"<a@victim.example>", ""},
        {"<>", "a@victim.example"},
        {"<x@victim.example(.evil.example>", "x@victim.example"},
        {"<@victim.example,@y:'a@evil.example>", "'a@evil.example"},
        {"<a@b'@evil.example>", "\"a@b'\"@evil.example"},
        {"<@victim.example:a@evil.example>", "a@evil.example"},
        {"<a@victim.example\x01.evil.example>", "a@victim.example"},
        {"<a@victim.example .evil.example>", "a@victim.example"},
        {"<a@evil.example, b@victim.example>", "a@evil.example, b@victim.example"},
        {"<\"a\"b\"@victim.example>", "\"a\"b\"@victim.example"},
        {"<\"a\"@evil.example\"@victim.example>", "\"a\"@evil.example\"@victim.example"},
        {"<\"a\\\"@victim.example>", "\"a\\\"@victim.example"},
        {"<\"a@victim.example>", "\"a@victim.example"},
        {"<a<b@victim.example>", "a<b@victim.example"},
        {"<<a@victim.example>>", "a@victim.example"},
        {"<a\\b@victim.example>", "a\\b@victim.example"},
        {"<a@victim.example>x", "a@victim.example"},
        {"<(c)a@victim.example>", "a@victim.example"},
        {"<root>", "root@victim.example"},
        {"<@victim.example>", "@victim.example"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].argument);
        assert_int_equal(
            spf_sender_read(span_of(rows[i].argument), span_of(rows[i].mail_addr)),
            SPF_SENDER_ODD);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_on_plain_mailboxes),
        cmocka_unit_test(takes_no_pass_from_quotes_that_hide_something),
        cmocka_unit_test(takes_nothing_that_readers_take_differently),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
