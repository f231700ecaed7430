/*
 * LMTP as the listener for copies hears it: commands, addresses, and a content that ends
 * at its final dot and nowhere else, however it is cut on its way.
 */
#include "tests/unit/unit.h"

#include "policyd/copies/copies_lmtp.h"
#include "shared/base/attributes.h"

#include <stdio.h>
#include <string.h>

static void
understands_commands(void **state)
{
    static const struct {
        const char *line;
        enum copies_verb verb;
        const char *path;
        bool utf8;
        const char *ident;
    } rows[] = {
        {"LHLO gw.example\r\n", COPIES_LHLO, "", false, ""},
        {"lhlo gw.example\n", COPIES_LHLO, "", false, ""},
        {"MAIL FROM:<a@b.example>\r\n", COPIES_MAIL, "a@b.example", false, ""},
        {"MAIL FROM:<> SIZE=12 BODY=8BITMIME\r\n", COPIES_MAIL, "", false, ""},
        {"mail from: <a@b.example> SMTPUTF8\r\n", COPIES_MAIL, "a@b.example", true, ""},
        {"MAIL FROM:<\"a> b\"@c.example> X\r\n", COPIES_MAIL, "\"a> b\"@c.example", false,
            ""},
        {"MAIL FROM:<\"a\\\">\"@c.example>\r\n", COPIES_MAIL, "\"a\\\">\"@c.example",
            false, ""},
        {"MAIL FROM:a@b.example\r\n", COPIES_BAD_PATH, "", false, ""},
        {"MAIL FROM:<a@b.example\r\n", COPIES_BAD_PATH, "", false, ""},
        {"MAIL TO:<a@b.example>\r\n", COPIES_BAD_PATH, "", false, ""},
        {"RCPT TO:<a@b.example> NOTIFY=NEVER\r\n", COPIES_RCPT, "a@b.example", false, ""},
        {"RCPT TO:<a\tb@c.example>\r\n", COPIES_BAD_PATH, "a\tb@c.example", false, ""},
        {"RCPT\r\n", COPIES_BAD_PATH, "", false, ""},
        {"DATA\r\n", COPIES_DATA, "", false, ""},
        {"RSET\r\n", COPIES_RSET, "", false, ""},
        {"NOOP\r\n", COPIES_NOOP, "", false, ""},
        {"QUIT\r\n", COPIES_QUIT, "", false, ""},
        {"XFORWARD IDENT=4jYVch3KtSz1bYFk SOURCE=REMOTE\r\n", COPIES_XFORWARD, "", false,
            "4jYVch3KtSz1bYFk"},
        {"XFORWARD ident=a+3Db\r\n", COPIES_XFORWARD, "", false, "a=b"},
        {"XFORWARD IDENT=[UNAVAILABLE]\r\n", COPIES_XFORWARD, "", false, ""},
        {"XFORWARD IDENT=a+0Ab\r\n", COPIES_XFORWARD, "", false, ""},
        {"XFORWARD IDENT=a+3\r\n", COPIES_XFORWARD, "", false, ""},
        {"XFORWARD NAME=x\r\n", COPIES_XFORWARD, "", false, ""},
        {"EHLO gw.example\r\n", COPIES_UNKNOWN, "", false, ""},
        {"\r\n", COPIES_UNKNOWN, "", false, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct span line = span_of(rows[i].line);
        struct copies_command command;
        struct error error;
        size_t used = 0;

        print_message("# %s", rows[i].line);
        assert_int_equal(copies_command_read(line, &command, &used, &error), WIRE_DONE);
        assert_int_equal(used, line.length);
        assert_int_equal(command.verb, rows[i].verb);
        assert_true(span_is(command.path, rows[i].path));
        assert_int_equal(command.utf8, rows[i].utf8);
        assert_string_equal(command.ident, rows[i].ident);
        assert_int_equal(copies_command_read(
                             span_first(line, line.length - 1), &command, &used, &error),
            WIRE_MORE);
    }
}

static void
refuses_a_line_without_end(void **state)
{
    char line[COPIES_LINE_MAX + 2];
    struct copies_command command;
    struct error error;
    size_t used;

    (void)state;
    memset(line, 'a', sizeof(line));
    assert_int_equal(copies_command_read(
                         span_make(line, COPIES_LINE_MAX - 1), &command, &used, &error),
        WIRE_MORE);
    assert_int_equal(
        copies_command_read(span_make(line, COPIES_LINE_MAX), &command, &used, &error),
        WIRE_BAD);
    line[COPIES_LINE_MAX + 1] = '\n';
    assert_int_equal(
        copies_command_read(span_make(line, sizeof(line)), &command, &used, &error),
        WIRE_BAD);
}

/* In pieces of so many octets, into a buffer of so many. */
static size_t
take_all(struct span input, size_t piece, size_t room, struct buffer *content)
{
    struct copies_content at = {0};
    size_t used = 0;
    bool ended = false;

    while (!ended && used < input.length) {
        struct buffer out;
        size_t some;

        buffer_init(&out, room);
        some = copies_content_take(
            &at, span_first(span_from(input, used), piece), &out, &ended);
        assert_true(some > 0);
        used += some;
        buffer_append(content, buffer_span(&out));
        buffer_clear(&out);
    }
    assert_true(ended);
    return used;
}

static void
ends_a_content_at_its_dot(void **state)
{
    static const struct {
        const char *sent;
        const char *content;
        const char *rest;
    } rows[] = {
        {".\r\nRSET\r\n", "", "RSET\r\n"},
        {"a\r\n.\r\n", "a\r\n", ""},
        {"a\r\n..\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", ""},
        {"..a\r\n.\r\n", ".a\r\n", ""},
        {".a\r\n.\r\n", "a\r\n", ""},
        /* A bare LF begins no line, so what another server would take for an end is none.
         */
        {"a\n.\nb\r\n.\r\n", "a\n.\nb\r\n", ""},
        {"a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", ""},
        {"a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", ""},
        {"a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", ""},
        {"a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct span sent = span_of(rows[i].sent);

        print_message("# row %zu\n", i);
        for (size_t piece = 1; piece <= sent.length; piece++) {
            struct buffer content;
            size_t used;

            buffer_init(&content, 1000);
            used = take_all(sent, piece, 2 + piece % 5, &content);
            assert_string_equal(buffer_text(&content), rows[i].content);
            assert_true(span_is(span_from(sent, used), rows[i].rest));
            buffer_clear(&content);
        }
    }
}

static void
puts_back_the_dots_that_it_took(void **state)
{
    static const char *const rows[] = {
        "", "a\r\n", ".\r\n", "..\r\n.a\r\n", "a\r\n.", "\r\n.\r\n.\r\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct span content = span_of(rows[i]);
        bool at_start = true;
        struct buffer stuffed;
        struct buffer again;

        print_message("# row %zu\n", i);
        buffer_init(&stuffed, 1000);
        buffer_init(&again, 1000);
        for (size_t k = 0; k < content.length; k++)
            copies_content_stuff(
                &stuffed, span_first(span_from(content, k), 1), &at_start);
        buffer_append_text(&stuffed, at_start ? ".\r\n" : "\r\n.\r\n");
        assert_int_equal(take_all(buffer_span(&stuffed), 7, 100, &again), stuffed.length);
        if (!at_start)
            again.length -= 2;
        assert_string_equal(buffer_text(&again), rows[i]);
        buffer_clear(&stuffed);
        buffer_clear(&again);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(understands_commands),
        cmocka_unit_test(refuses_a_line_without_end),
        cmocka_unit_test(ends_a_content_at_its_dot),
        cmocka_unit_test(puts_back_the_dots_that_it_took),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
