/*
 * What a hostile mail has in it does not reach the terminal.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "policyd/terminal/mail_view.h"
#include "shared/base/attributes.h"

#define HTML "Content-Type: text/html\n\n"
#define PARTS                                                                            \
    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nfirst <i>\n--b\n"               \
    "Content-Type:\n text/html\n\n"

static void
writes_what_is_harmless(void **state)
{
    static const struct {
        const char *what;
        const char *mail;
        const char *wanted;
    } rows[] = {
        {"plain", "Subject: x\r\n\r\nHello.\r\n", "Subject: x\n\nHello.\n"},
        {"nothing", "", ""},
        {"no line end", "Subject: x", "Subject: x\n"},
        {"escapes", "Subject: \x1b[2J\n\n\x07\x08\x7f\n",
            "Subject: \\x1b[2J\n\n\\x07\\x08\\x7f\n"},
        {"tabs", "\tx\ty\n", "    x    y\n"},
        {"carriage returns in a line", "safe\rrm\n", "safe\\x0drm\n"},
        {"C1 as UTF-8 and alone",
            "\xc2\x9b"
            "2J \x9b"
            "2J\n",
            "\\xc2\\x9b2J \\x9b2J\n"},
        {"direction", "\xe2\x80\xaegpj\xe2\x81\xa9\n",
            "\\xe2\\x80\\xaegpj\\xe2\\x81\\xa9\n"},
        {"letters of others", "Gr\xc3\xbc\xc3\x9f Gott\n", "Gr\xc3\xbc\xc3\x9f Gott\n"},
        {"no UTF-8", "\xff\xc3\n", "\\xff\\xc3\n"},
        {"an encoded word stays one", "Subject: =?utf-8?B?G1sySg==?=\n",
            "Subject: =?utf-8?B?G1sySg==?=\n"},
        {"text keeps its brackets", "From: <a@b.example>\n\n1 < 2 <i>\n",
            "From: <a@b.example>\n\n1 < 2 <i>\n"},
        {"tags go", HTML "<p class=x>Hi</p><!-- \n -->there\n", HTML "Hithere\n"},
        {"links are told", HTML "<a\n href='https://a.example/?x=1'>bank</a>\n",
            HTML "[https://a.example/?x=1]bank\n"},
        {"without quotes", HTML "<img src=http://a.example/p.gif width=1>\n",
            HTML "[http://a.example/p.gif]\n"},
        {"forms", HTML "<form action=\"https://a.example/\">\n",
            HTML "[https://a.example/]\n"},
        {"addresses", HTML "<a@b.example> <https://c.example/>\n",
            HTML "[a@b.example] [https://c.example/]\n"},
        {"comparisons", HTML "1 < 2 <3\n", HTML "1 < 2 <3\n"},
        {"what is made of two", HTML "<<b>script>x\n", HTML "(script>x\n"},
        {"in a link", HTML "<a href=\"<script>\">x\n", HTML "[(script>]\">x\n"},
        {"without an end", HTML "<b no end\n", HTML "<b no end\n"},
        {"escapes in tags", HTML "<a href=\"\x1b[2J\">x</a>\n", HTML "[\\x1b[2J]x\n"},
        {"in a part", PARTS "<i>second\n--b--\n", PARTS "second\n--b--\n"},
        {"from there on", PARTS "x\n--b\n\n<i>third\n", PARTS "x\n--b\n\nthird\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer out;

        print_message("# %s\n", rows[i].what);
        buffer_init(&out, 1 << 20);
        mail_view_write(&out, span_of(rows[i].mail));
        assert_string_equal(buffer_text(&out), rows[i].wanted);
        buffer_clear(&out);
    }
}

static void
cuts_what_is_too_long(void **state)
{
    static char mail[MAIL_VIEW_MAX + 1000];
    struct buffer out;

    (void)state;
    memset(mail, 'x', sizeof(mail));
    buffer_init(&out, 4 * (size_t)MAIL_VIEW_MAX);
    mail_view_write(&out, span_make(mail, sizeof(mail)));
    assert_true(out.length < MAIL_VIEW_MAX + 100);
    assert_non_null(strstr(buffer_text(&out), "x\n(1000 octets more are not shown)\n"));
    buffer_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_is_harmless),
        cmocka_unit_test(cuts_what_is_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
