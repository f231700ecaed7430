/*
 * main.cf and master.cf changed just where they are to be.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "policyd/wiring/postfix_edit.h"

struct row {
    const char *what;
    const char *before;
    const char *flag;
    const char *argument;
    const char *after;
};

/* clang-format off */
static const struct row main_rows[] = {
    {"a new one stands at the end", "a = 1\n", "-e", "b = 2", "a = 1\nb = 2\n"},
    {"a last line without end gets it first", "a = 1\n# end", "-e", "b = 2", "a = 1\n# end\nb = 2\n"},
    {"an empty file", "", "-e", "b = 2", "b = 2\n"},
    {"a word before a list keeps its lines", "x =\n  a,\n# why\n\tb\ny = 1\n", "-e", "x = $w, a,\tb", "x =\n  $w, a,\n# why\n\tb\ny = 1\n"},
    {"and out again", "x =\n  $w, a,\n# why\n\tb\ny = 1\n", "-e", "x = a,\tb", "x =\n  a,\n# why\n\tb\ny = 1\n"},
    {"a word behind a list", "x = a,\n  b  \ny = 1\n", "-e", "x = a,  b, $w", "x = a,\n  b, $w  \ny = 1\n"},
    {"a word between two lines stays on the first", "x = a\n  b\n", "-e", "x = ac  b", "x = ac\n  b\n"},
    {"what is left of a line stays a continuation", "x = $w,\n  a\n", "-e", "x = a", "x = \n  a\n"},
    {"lines that go as a whole", "x = a,\n  b,\n# why\n  c\ny = 1\n", "-e", "x = a", "x = a\n# why\ny = 1\n"},
    {"blanks that it should not have", "x = a,\n  b,\n# why\n  c\n", "-e", "x = a, b, c", "x = a, b, c\n# why\n"},
    {"a value that was none", "x =\ny = 1\n", "-e", "x = $w,", "x = $w,\ny = 1\n"},
    {"the last one counts", "x = 1\nx = 2\n", "-e", "x = 3", "x = 1\nx = 3\n"},
    {"all go", "x = 1\ny = 1\nx = 2\n  3\n", "-X", "x", "y = 1\n"},
    {"not there", "y = 1\n", "-X", "x", "y = 1\n"},
    {"lines ended by CR LF", "x = a\r\ny = 1\r\n", "-e", "x = a, $w", "x = a, $w\r\ny = 1\r\n"},
    {"one that goes on with nothing is none", " x = 1\ny = 1\n", "-e", "x = 2", " x = 1\ny = 1\nx = 2\n"},
    {"a comment is none", "#x = 1\n", "-e", "x = 2", "#x = 1\nx = 2\n"},
};

static const struct row master_rows[] = {
    {"a new entry", "smtp inet n - y - - smtpd", "-M", "c/unix=c unix - - y - - smtp -o a=b -o { x = y z }",
     "smtp inet n - y - - smtpd\nc unix - - y - - smtp\n    -o a=b\n    -o { x = y z }\n"},
    {"another in its place", "c unix - - y - - lmtp\n  -o a=b\nd unix - - y - - smtp\n", "-M", "c/unix=c unix - - y - - smtp",
     "c unix - - y - - smtp\nd unix - - y - - smtp\n"},
    {"an entry with its options", "c unix - - y - - smtp\n  -o a=b\n# next\nd unix - - y - - smtp\n", "-MX", "c/unix",
     "# next\nd unix - - y - - smtp\n"},
    {"an option more", "qmgr fifo n - n 300 1 qmgr\n#qmgr\nd unix - - y - - smtp\n", "-P", "qmgr/fifo/a=b",
     "qmgr fifo n - n 300 1 qmgr\n    -o a=b\n#qmgr\nd unix - - y - - smtp\n"},
    {"another value", "q unix n - n 300 1 qmgr -o a=b -o c=d\n", "-P", "q/unix/a=e", "q unix n - n 300 1 qmgr -o a=e -o c=d\n"},
    {"one with blanks", "q unix n - n 300 1 qmgr\n", "-P", "q/unix/a=b c", "q unix n - n 300 1 qmgr\n    -o { a=b c }\n"},
    {"an option less, on a line of its own", "q unix n - n 300 1 qmgr\n    -o a=b\n  -o c=d\n", "-PX", "q/unix/a",
     "q unix n - n 300 1 qmgr\n  -o c=d\n"},
    {"and among others", "q unix n - n 300 1 qmgr -o a=b -o c=d\n", "-PX", "q/unix/a", "q unix n - n 300 1 qmgr -o c=d\n"},
    {"with braces", "q unix n - n 300 1 qmgr -v\n  -o { a = b c } -o d=e\n", "-PX", "q/unix/a",
     "q unix n - n 300 1 qmgr -v\n   -o d=e\n"},
    {"an option that is not there", "q unix n - n 300 1 qmgr\n", "-PX", "q/unix/a", "q unix n - n 300 1 qmgr\n"},
};
/* clang-format on */

static void
edit(const struct row *row, bool is_main)
{
    struct postfix_files files;
    struct buffer *text = is_main ? &files.main_cf : &files.master_cf;
    struct error error;

    buffer_init(&files.main_cf, 10000);
    buffer_init(&files.master_cf, 10000);
    buffer_append_text(text, row->before);
    if (!postfix_edit_step(&files, row->flag, row->argument, &error))
        fail_msg("%s: %s", row->what, error.text);
    if (strcmp(buffer_text(text), row->after) != 0)
        fail_msg("%s: gives\n%s\nnot\n%s", row->what, buffer_text(text), row->after);
    buffer_clear(&files.main_cf);
    buffer_clear(&files.master_cf);
}

static void
changes_what_it_was_told(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LENGTH(main_rows); i++)
        edit(&main_rows[i], true);
    for (size_t i = 0; i < ARRAY_LENGTH(master_rows); i++)
        edit(&master_rows[i], false);
}

static void
refuses_what_it_does_not_know(void **unused)
{
    static const char *const steps[][2] = {
        {"-P", "qmgr/unix/a=b"},
        {"-PX", "qmgr/unix/a"},
        {"-P", "qmgr"},
        {"-M", "c/unix=c unix"},
        {"-e", "a"},
        {"-F", "a/unix/chroot=n"},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        struct postfix_files files;
        struct error error;

        buffer_init(&files.main_cf, 1000);
        buffer_init(&files.master_cf, 1000);
        assert_false(postfix_edit_step(&files, steps[i][0], steps[i][1], &error));
        assert_int_equal(files.main_cf.length + files.master_cf.length, 0);
        buffer_clear(&files.main_cf);
        buffer_clear(&files.master_cf);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_what_it_was_told),
        cmocka_unit_test(refuses_what_it_does_not_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
