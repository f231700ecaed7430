/*
 * Local part and domain.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/base/mailbox.h"

static void
splits_at_the_last_at_sign(void **state)
{
    static const struct {
        const char *address;
        const char *local; /* NULL: none */
        const char *domain;
    } rows[] = {
        {"alice@example.com", "alice", "example.com"},
        {"\"a@b\"@example.com", "\"a@b\"", "example.com"},
        {"@relay.example:a@b.example", "@relay.example:a", "b.example"},
        {"alice", NULL, NULL},
        {"@example.com", NULL, NULL},
        {"alice@", NULL, NULL},
        {"@", NULL, NULL},
        {"", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct mailbox mailbox;
        bool done = mailbox_split(span_of(rows[i].address), &mailbox);

        print_message("# '%s'\n", rows[i].address);
        assert_int_equal(done, rows[i].local != NULL);
        if (done) {
            assert_true(span_is(mailbox.local, rows[i].local));
            assert_true(span_is(mailbox.domain, rows[i].domain));
        }
    }
}

static void
unquotes_one_whole_string(void **state)
{
    static const struct {
        const char *local;
        const char *wanted;
    } rows[] = {
        {"alice", "alice"},
        {"\"alice\"", "alice"},
        {"\"a b\"", "a b"},
        {"\"a\\\"b\\\\c\"", "a\"b\\c"},
        {"\"\"", ""},
        {"\"", "\""},
        {"\"a\"b\"", "\"a\"b\""},
        {"\"a\\\"", "\"a\\\""},
        {"\"a\\", "\"a\\"},
        {"a\"b\"", "a\"b\""},
        {"\"a\".\"b\"", "\"a\".\"b\""},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer out;

        buffer_init(&out, 64);
        print_message("# %s\n", rows[i].local);
        assert_true(mailbox_unquote(span_of(rows[i].local), &out));
        assert_string_equal(buffer_text(&out), rows[i].wanted);
        buffer_clear(&out);
    }
}

static void
says_when_there_is_no_room(void **state)
{
    struct buffer out;

    (void)state;
    buffer_init(&out, 3);
    assert_false(mailbox_unquote(SPAN("\"abcd\""), &out));
    buffer_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_at_the_last_at_sign),
        cmocka_unit_test(unquotes_one_whole_string),
        cmocka_unit_test(says_when_there_is_no_room),
    };

    return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
