/*
 * Addresses into MAIL FROM and RCPT TO: quoted where they must be, refused where they
 * would say more than an address.
 */
#include "tests/unit/unit.h"

#include "policyd/wire/smtp_command.h"
#include "shared/base/attributes.h"

#include <stdio.h>
#include <string.h>

#define ROW(text)                                                                        \
    {                                                                                    \
        text, sizeof(text) - 1                                                           \
    }

static const struct smtp_extensions all = {.smtputf8 = true, .size = true};
static const struct smtp_extensions none = {.size_max = 0};

static void
says_addresses_as_the_rules_want_them(void **state)
{
    static const struct {
        struct span address;
        const char *wanted;
    } rows[] = {
        {ROW("alice@example.com"), "alice@example.com"},
        {ROW("a.b+c=d@example.com"), "a.b+c=d@example.com"},
        {ROW("\"alice\"@example.com"), "alice@example.com"},
        {ROW("alice smith@example.com"), "\"alice smith\"@example.com"},
        {ROW("\"alice smith\"@example.com"), "\"alice smith\"@example.com"},
        {ROW("a@b@example.com"), "\"a@b\"@example.com"},
        {ROW("a..b@example.com"), "\"a..b\"@example.com"},
        {ROW(".a@example.com"), "\".a\"@example.com"},
        {ROW("a.@example.com"), "\"a.\"@example.com"},
        {ROW("a\"b@example.com"), "\"a\\\"b\"@example.com"},
        {ROW("a\\b@example.com"), "\"a\\\\b\"@example.com"},
        {ROW("a>,<b@example.com"), "\"a>,<b\"@example.com"},
        {ROW("\"\"@example.com"), "\"\"@example.com"},
        {ROW("a@[192.0.2.1]"), "a@[192.0.2.1]"},
        {ROW("a@[IPv6:2001:db8::1]"), "a@[IPv6:2001:db8::1]"},
        {ROW("gr\xc3\xbc\xc3\x9f@example.com"), "gr\xc3\xbc\xc3\x9f@example.com"},
        {ROW("a@m\xc3\xbcnchen.example"), "a@m\xc3\xbcnchen.example"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct error error = {.text = ""};
        struct buffer out;
        char wanted[200];

        print_message("# %s\n", rows[i].wanted);
        buffer_init(&out, SMTP_COMMAND_MAX);
        assert_true(smtp_address_check(rows[i].address, &error));
        assert_true(smtp_command_rcpt(&out, rows[i].address, &all, &error));
        (void)snprintf(wanted, sizeof(wanted), "RCPT TO:<%s>\r\n", rows[i].wanted);
        assert_string_equal(buffer_text(&out), wanted);
        buffer_clear(&out);
    }
}

static void
refuses_what_is_more_than_an_address(void **state)
{
    static const struct span rows[] = {ROW(""), ROW("alice"), ROW("@example.com"),
        ROW("alice@"), ROW("a@example.com\r\nDATA"), ROW("a\r\nRSET\r\nb@example.com"),
        ROW("a\n@example.com"), ROW("a\0b@example.com"), ROW("\"a\\\r\n\"@example.com"),
        ROW("a@exa mple.com"), ROW("a@example.com> SIZE=1"), ROW("a@<example.com"),
        ROW("a@[192.0.2.1"), ROW("a@[]"), ROW("a@[192.0.2.1> x]"), ROW("a@example..com"),
        ROW("a@example.com."), ROW("a\x7f@example.com"), ROW("gr\xfc@example.com"),
        ROW("a@m\xc3\xbc>nchen.example")};
    char longest[SMTP_ADDRESS_MAX + 2];
    struct error error;
    struct buffer out;

    (void)state;
    buffer_init(&out, SMTP_COMMAND_MAX);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# row %zu\n", i);
        assert_false(smtp_address_check(rows[i], &error));
        buffer_reset(&out);
        assert_false(smtp_command_rcpt(&out, rows[i], &all, &error));
        if (rows[i].length > 0)
            assert_false(smtp_command_mail(&out, rows[i], 0, false, &all, &error));
    }
    memset(longest, '"', sizeof(longest));
    memcpy(longest + SMTP_ADDRESS_MAX - 12, "@example.com", 12);
    buffer_reset(&out);
    assert_true(
        smtp_command_rcpt(&out, span_make(longest, SMTP_ADDRESS_MAX), &all, &error));
    memcpy(longest + SMTP_ADDRESS_MAX - 11, "@example.com", 12);
    assert_false(smtp_address_check(span_make(longest, SMTP_ADDRESS_MAX + 1), &error));
    buffer_clear(&out);
}

static void
asks_for_no_more_than_is_offered(void **state)
{
    static const struct {
        const char *what;
        const char *sender;
        uint64_t size;
        bool utf8;
        const struct smtp_extensions *offered;
        const char *wanted; /* NULL: it can't be said */
    } rows[] = {
        {"the null sender", "", 0, false, &none, "MAIL FROM:<>\r\n"},
        {"a size", "a@example.com", 1000, false, &all,
            "MAIL FROM:<a@example.com> SIZE=1000\r\n"},
        {"a size that isn't asked for", "a@example.com", 1000, false, &none,
            "MAIL FROM:<a@example.com>\r\n"},
        {"no size", "a@example.com", 0, false, &all, "MAIL FROM:<a@example.com>\r\n"},
        {"a recipient beyond ASCII", "", 5, true, &all,
            "MAIL FROM:<> SIZE=5 SMTPUTF8\r\n"},
        {"which is not offered", "", 5, true, &none, NULL},
        {"a sender beyond ASCII", "\xc3\xbc@example.com", 0, false, &all,
            "MAIL FROM:<\xc3\xbc@example.com> SMTPUTF8\r\n"},
        {"not offered either", "\xc3\xbc@example.com", 0, false, &none, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct error error = {.text = ""};
        struct buffer out;
        bool made;

        print_message("# %s\n", rows[i].what);
        buffer_init(&out, SMTP_COMMAND_MAX);
        made = smtp_command_mail(&out, span_of(rows[i].sender), rows[i].size,
            rows[i].utf8, rows[i].offered, &error);
        assert_int_equal(made, rows[i].wanted != NULL);
        if (made)
            assert_string_equal(buffer_text(&out), rows[i].wanted);
        else
            assert_non_null(strstr(error.text, "SMTPUTF8"));
        buffer_clear(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_addresses_as_the_rules_want_them),
        cmocka_unit_test(refuses_what_is_more_than_an_address),
        cmocka_unit_test(asks_for_no_more_than_is_offered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
