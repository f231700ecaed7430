/*
 * What an IMAP server says, whatever it is cut into.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "policyd/compare/compare_folders.h"
#include "policyd/compare/imap_answer.h"
#include "shared/base/attributes.h"

static bool
take_mail(void *argument, struct span part, struct error *error)
{
    (void)error;
    buffer_append(argument, part);
    return true;
}

static bool
take_line(void *argument, struct span line, struct error *error)
{
    (void)error;
    buffer_append(argument, line);
    return buffer_append_octet(argument, '\n');
}

static bool
feed(struct buffer *out, struct span text, size_t step)
{
    const struct imap_sink sink = {take_mail, take_line, out};
    struct imap_answer answer;
    struct error error;
    bool done = true;

    imap_answer_init(&answer);
    for (size_t i = 0; i < text.length && done; i += step)
        done = imap_answer_feed(
            &answer, span_first(span_from(text, i), step), &sink, &error);
    imap_answer_clear(&answer);
    return done;
}

static void
lines_and_literals_come_apart(void **state)
{
    static const struct {
        const char *what;
        const char *text;
        const char *wanted; /* NULL: refused */
    } rows[] = {
        {"lines", "* OK hi\r\n* 3 EXISTS\r\n", "* OK hi\n* 3 EXISTS\n"},
        {"a mail", "* 1 FETCH (UID 2 BODY[] {9}\r\nP1 OK x\r\n)\r\n",
            "P1 OK x\r\n* 1 FETCH (UID 2 BODY[] \"\")\n"},
        {"of nothing", "* 1 FETCH (BODY[] {0}\r\n UID 2)\r\n",
            "* 1 FETCH (BODY[] \"\" UID 2)\n"},
        {"a name", "* LIST () \"/\" {5}\r\na\"\\\r\n\r\n",
            "* LIST () \"/\" \"a\\\"\\\\?\?\"\n"},
        {"an empty name", "* LIST () \"/\" {0}\r\n\r\n", "* LIST () \"/\" \"\"\n"},
        {"a long name", "* LIST () \"/\" {5000}\r\n", NULL},
        {"a mail without end", "* 1 FETCH (BODY[] {99999999999}\r\nx",
            "* 1 FETCH (BODY[] {99999999999}\n"},
        {"a mail too long", "* 1 FETCH (BODY[] {2000000000}\r\nx", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        for (size_t step = 1; step < 60; step += 7) {
            struct buffer out;
            bool done;

            print_message("# %s by %zu\n", rows[i].what, step);
            buffer_init(&out, 1 << 16);
            done = feed(&out, span_of(rows[i].text), step);
            assert_int_equal(done, rows[i].wanted != NULL);
            if (done)
                assert_string_equal(buffer_text(&out), rows[i].wanted);
            buffer_clear(&out);
        }
    }
}

static void
refuses_a_line_without_end(void **state)
{
    static char text[IMAP_LINE_MAX + 2];
    struct buffer out;

    (void)state;
    memset(text, 'x', sizeof(text));
    buffer_init(&out, 1 << 20);
    assert_false(feed(&out, span_make(text, sizeof(text)), 4000));
    buffer_clear(&out);
}

static void
reads_what_fetch_tells(void **state)
{
    static const struct {
        const char *line;
        bool is_fetch;
        uint32_t uid;
        unsigned flags;
        bool has_mail;
    } rows[] = {
        {"* 1 FETCH (UID 7 FLAGS (\\Seen \\recent $Label) BODY[] \"\")", true, 7,
            IMAP_SEEN, true},
        {"* 1 FETCH (BODY[HEADER] \"\" FLAGS (\\FLAGGED \\Deleted) UID 8)", true, 8,
            IMAP_FLAGGED | IMAP_DELETED, true},
        {"* 9 fetch (FLAGS (\\Answered))", true, 0, IMAP_ANSWERED, false},
        {"* 1 FETCH (X (a (b \")\" c)) UID 3)", true, 3, 0, false},
        {"* 1 FETCH (UID 99999999999)", true, 0, 0, false},
        {"* 1 FETCH UID 3", false, 0, 0, false},
        {"* x FETCH (UID 3)", false, 0, 0, false},
        {"* 1 EXPUNGE", false, 0, 0, false},
        {"P1 OK", false, 0, 0, false},
        {"", false, 0, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct imap_fetch fetch;

        print_message("# %s\n", rows[i].line);
        assert_int_equal(
            imap_answer_fetch(span_of(rows[i].line), &fetch), rows[i].is_fetch);
        assert_int_equal(fetch.uid, rows[i].uid);
        assert_int_equal(fetch.flags, rows[i].flags);
        assert_int_equal(fetch.has_mail, rows[i].has_mail);
    }
}

static void
keywords_count_in_any_order(void **state)
{
    struct imap_fetch one;
    struct imap_fetch two;

    (void)state;
    assert_true(imap_answer_fetch(span_of("* 1 FETCH (FLAGS ($A b \\Recent))"), &one));
    assert_true(imap_answer_fetch(span_of("* 1 FETCH (FLAGS (B $a))"), &two));
    assert_int_equal(one.keywords, two.keywords);
    assert_true(imap_answer_fetch(span_of("* 1 FETCH (FLAGS ($a))"), &two));
    assert_int_not_equal(one.keywords, two.keywords);
}

static void
reads_folders(void **state)
{
    static const struct {
        const char *line;
        const char *name; /* NULL: none */
        char separator;
        const char *use;
        bool can_select;
    } rows[] = {
        {"* LIST (\\HasNoChildren) \"/\" INBOX", "INBOX", '/', "", true},
        {"* LIST (\\Sent \\HasChildren) \".\" \"Sent Items\"", "Sent Items", '.', "Sent",
            true},
        {"* LIST (\\NoSelect) NIL \"a \\\"b\\\\\"", "a \"b\\", '\0', "", false},
        {"* LIST (\\x) \"//\" a", NULL, '\0', "", true},
        {"* LIST (\\x) \"/\" \"\"", NULL, '\0', "", true},
        {"* LIST (\\x) \"/\" \"open", NULL, '\0', "", true},
        {"* LIST (\\x) \"/\" a b", NULL, '\0', "", true},
        {"* LSUB () \"/\" a", NULL, '\0', "", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct imap_list list;
        bool done = imap_answer_list(span_of(rows[i].line), &list);

        print_message("# %s\n", rows[i].line);
        assert_int_equal(done, rows[i].name != NULL);
        if (!done)
            continue;
        assert_string_equal(list.name, rows[i].name);
        assert_string_equal(list.use, rows[i].use);
        assert_int_equal(list.separator, rows[i].separator);
        assert_int_equal(list.can_select, rows[i].can_select);
    }
}

static void
finds_counterparts(void **state)
{
    static const struct imap_list old[] = {
        {"INBOX", '/', "", true},
        {"a/b", '/', "", true},
        {"Sent", '/', "Sent", true},
        {"Papier", '/', "Trash", true},
        {"gone", '/', "", true},
        {"a.b", '/', "", true},
    };
    static const struct imap_list new[] = {
        {"inbox", '.', "", true},
        {"INBOX.a.b", '.', "", true},
        {"INBOX.Sent Items", '.', "Sent", true},
        {"INBOX.Trash", '.', "Trash", true},
        {"INBOX.Bin", '.', "Trash", true},
        {"INBOX.gone", '.', "", false},
    };
    static const size_t wanted[] = {0, 1, 2, 6, 6, 6};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(old); i++) {
        print_message("# %s\n", old[i].name);
        assert_int_equal(
            compare_folders_find(old, ARRAY_LENGTH(old), i, new, ARRAY_LENGTH(new)),
            wanted[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_and_literals_come_apart),
        cmocka_unit_test(refuses_a_line_without_end),
        cmocka_unit_test(reads_what_fetch_tells),
        cmocka_unit_test(keywords_count_in_any_order),
        cmocka_unit_test(reads_folders),
        cmocka_unit_test(finds_counterparts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
