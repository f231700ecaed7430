/*
 * Replies of SMTP servers: whole, half and hostile; keywords of EHLO.
 */
#include "tests/unit/unit.h"

#include "policyd/wire/smtp_reply.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"

#include <stdio.h>
#include <string.h>

#define ROW(text)                                                                        \
    {                                                                                    \
        text, sizeof(text) - 1                                                           \
    }

static void
reads_what_a_server_says(void **state)
{
    static const struct {
        const char *what;
        struct span input;
        unsigned code;
        const char *enhanced;
        const char *text;
    } rows[] = {
        {"a greeting", ROW("220 mx.example ESMTP Postfix\r\n"), 220, "",
            "mx.example ESMTP Postfix"},
        {"a code alone", ROW("250\r\n"), 250, "", ""},
        {"a code and a blank", ROW("250 \r\n"), 250, "", ""},
        {"LF alone", ROW("250 ok\n"), 250, "", "ok"},
        {"an enhanced code", ROW("550 5.1.1 no such user\r\n"), 550, "5.1.1",
            "no such user"},
        {"an enhanced code alone", ROW("550 5.1.1\r\n"), 550, "5.1.1", ""},
        {"three digits", ROW("550 5.123.456 x\r\n"), 550, "5.123.456", "x"},
        {"of another class", ROW("550 4.1.1 x\r\n"), 550, "", "4.1.1 x"},
        {"a number that isn't one", ROW("550 5.1.1234 x\r\n"), 550, "", "5.1.1234 x"},
        {"an address", ROW("550 5.1.1.1 x\r\n"), 550, "", "5.1.1.1 x"},
        {"several lines",
            ROW("550-5.7.1 first\r\n550-5.7.1 second\r\n550 5.7.1 third\r\n"), 550,
            "5.7.1", "first second third"},
        {"the code on the first line alone", ROW("550-5.7.1 first\r\n550 second\r\n"),
            550, "5.7.1", "first second"},
        {"empty lines", ROW("250-\r\n250 \r\n"), 250, "", ""},
        {"a NUL", ROW("250 a\0b\r\n"), 250, "", "a?b"},
        {"a bare CR", ROW("250 a\rb\r\n"), 250, "", "a?b"},
        {"an escape of a terminal", ROW("250 a\033[31mb\r\n"), 250, "", "a?[31mb"},
        {"UTF-8", ROW("250 gr\xc3\xbc\xc3\x9f\r\n"), 250, "", "gr\xc3\xbc\xc3\x9f"},
        {"Latin-1", ROW("250 gr\xfc\xdf\r\n"), 250, "", "gr??"},
        {"a mark that turns text round",
            ROW("250 a\xe2\x80\xae"
                "b\r\n"),
            250, "", "a?b"},
        {"more behind it", ROW("250 ok\r\n550 no\r\n"), 250, "", "ok"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct smtp_reply reply;
        struct error error;
        size_t used;

        print_message("# %s\n", rows[i].what);
        assert_int_equal(
            smtp_reply_read(rows[i].input, &reply, &used, &error), WIRE_DONE);
        assert_int_equal(reply.code, rows[i].code);
        assert_string_equal(reply.enhanced, rows[i].enhanced);
        assert_string_equal(reply.text, rows[i].text);
        assert_true(used > 0 && rows[i].input.data[used - 1] == '\n');
    }
}

static void
says_what_is_half_and_what_is_bad(void **state)
{
    static const struct {
        const char *what;
        struct span input;
        enum wire_result wanted;
        const char *why;
    } rows[] = {
        {"nothing", ROW(""), WIRE_MORE, NULL},
        {"half a code", ROW("22"), WIRE_MORE, NULL},
        {"half a line", ROW("220 mx.exam"), WIRE_MORE, NULL},
        {"half an end", ROW("220\r"), WIRE_MORE, NULL},
        {"a line of several", ROW("250-a\r\n"), WIRE_MORE, NULL},
        {"a bare CR is no end", ROW("250 ok\r"), WIRE_MORE, NULL},
        {"no digits", ROW("hello\r\n"), WIRE_BAD, "no reply"},
        {"another protocol, at once", ROW("SSH-2.0-OpenSSH"), WIRE_BAD, "no reply"},
        {"an alert of TLS", ROW("\x15\x03\x01\x00"), WIRE_BAD, "no reply"},
        {"an empty line", ROW("\r\n"), WIRE_BAD, "no reply"},
        {"two digits", ROW("25 ok\r\n"), WIRE_BAD, "no reply"},
        {"four digits", ROW("2500 ok\r\n"), WIRE_BAD, "no reply"},
        {"a code below", ROW("150 ok\r\n"), WIRE_BAD, "no reply"},
        {"a code above", ROW("650 ok\r\n"), WIRE_BAD, "no reply"},
        {"another mark behind the code", ROW("250+ok\r\n"), WIRE_BAD, "no reply"},
        {"another code in the second line", ROW("250-a\r\n550 b\r\n"), WIRE_BAD,
            "different codes"},
        {"no code in the second line", ROW("250-a\r\nb\r\n"), WIRE_BAD, "no reply"},
        {"a NUL for a code", ROW("\0\0\0\0"), WIRE_BAD, "no reply"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct smtp_reply reply;
        struct error error = {.text = ""};
        size_t used;

        print_message("# %s\n", rows[i].what);
        assert_int_equal(
            smtp_reply_read(rows[i].input, &reply, &used, &error), rows[i].wanted);
        if (rows[i].why != NULL)
            assert_non_null(strstr(error.text, rows[i].why));
    }
}

static enum wire_result
read_made(const struct buffer *input, const char **why)
{
    static struct error error;
    struct smtp_reply reply;
    size_t used;

    error.text[0] = '\0';
    *why = error.text;
    return smtp_reply_read(buffer_span(input), &reply, &used, &error);
}

/* `lines` lines of `length` octets each, ends included. */
static void
make_lines(struct buffer *input, size_t lines, size_t length)
{
    buffer_reset(input);
    for (size_t i = 0; i < lines; i++) {
        buffer_append_text(input, i + 1 < lines ? "250-" : "250 ");
        for (size_t j = 6; j < length; j++)
            buffer_append_octet(input, 'x');
        buffer_append_text(input, "\r\n");
    }
}

static void
keeps_to_its_ceilings(void **state)
{
    struct buffer input;
    const char *why;

    (void)state;
    buffer_init(&input, 1 << 20);
    make_lines(&input, 1, SMTP_REPLY_LINE_MAX);
    assert_int_equal(read_made(&input, &why), WIRE_DONE);
    make_lines(&input, 1, SMTP_REPLY_LINE_MAX + 1);
    assert_int_equal(read_made(&input, &why), WIRE_BAD);
    assert_non_null(strstr(why, "line of the reply is too long"));
    make_lines(&input, SMTP_REPLY_LINES_MAX, 20);
    assert_int_equal(read_made(&input, &why), WIRE_DONE);
    make_lines(&input, SMTP_REPLY_LINES_MAX + 1, 20);
    assert_int_equal(read_made(&input, &why), WIRE_BAD);
    assert_non_null(strstr(why, "too many lines"));
    make_lines(&input, SMTP_REPLY_MAX / 1024, 1024);
    assert_int_equal(read_made(&input, &why), WIRE_DONE);
    make_lines(&input, SMTP_REPLY_MAX / 1024 + 1, 1024);
    assert_int_equal(read_made(&input, &why), WIRE_BAD);
    assert_non_null(strstr(why, "the reply is too long"));
    /* 100 kB without an end. */
    make_lines(&input, 1, 100 << 10);
    input.length -= 2;
    assert_int_equal(read_made(&input, &why), WIRE_BAD);
    buffer_clear(&input);
}

static void
cuts_a_long_text_between_letters(void **state)
{
    struct smtp_reply reply;
    struct error error;
    struct buffer input;
    char written[SMTP_REPLY_WRITTEN_MAX + 1];
    size_t used;

    (void)state;
    buffer_init(&input, 1 << 20);
    buffer_append_text(&input, "550 5.1.1 a");
    for (int i = 0; i < 900; i++)
        buffer_append_text(&input, "\xc3\xbc");
    buffer_append_text(&input, "\r\n");
    assert_int_equal(
        smtp_reply_read(buffer_span(&input), &reply, &used, &error), WIRE_DONE);
    assert_int_equal(strlen(reply.text), SMTP_REPLY_TEXT_MAX - 1);
    smtp_reply_write(&reply, written);
    assert_int_equal(strlen(written), strlen("550 5.1.1 ") + strlen(reply.text));
    buffer_clear(&input);
}

static void
is_written_as_it_was_said(void **state)
{
    static const char *const rows[] = {
        "550 5.1.1 no such user", "250", "250 ok", "250 2.0.0"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char line[100];
        char written[SMTP_REPLY_WRITTEN_MAX + 1];
        struct smtp_reply reply;
        struct error error;
        size_t used;

        (void)snprintf(line, sizeof(line), "%s\r\n", rows[i]);
        assert_int_equal(
            smtp_reply_read(span_of(line), &reply, &used, &error), WIRE_DONE);
        smtp_reply_write(&reply, written);
        assert_string_equal(written, rows[i]);
    }
}

static void
knows_what_a_server_offers(void **state)
{
    static const struct {
        const char *what;
        struct span reply;
        struct smtp_extensions wanted;
    } rows[] = {
        {"nothing", ROW("250 mx.example\r\n"), {.size_max = 0}},
        {"the name is no keyword", ROW("250 STARTTLS\r\n"), {.size_max = 0}},
        {"much",
            ROW("250-mx.example\r\n250-PIPELINING\r\n250-SIZE "
                "1000\r\n250-STARTTLS\r\n250-8BITMIME\r\n"
                "250-SMTPUTF8\r\n250-DSN\r\n250-CHUNKING\r\n250 ENHANCEDSTATUSCODES\r\n"),
            {.starttls = true,
                .pipelining = true,
                .eight_bit_mime = true,
                .smtputf8 = true,
                .dsn = true,
                .enhanced_codes = true,
                .chunking = true,
                .size = true,
                .size_max = 1000}},
        {"in any case", ROW("250-mx\r\n250 StartTls\r\n"), {.starttls = true}},
        {"no prefix counts", ROW("250-mx\r\n250-STARTTLSX\r\n250 XSTARTTLS\r\n"),
            {.size_max = 0}},
        {"SIZE without a number", ROW("250-mx\r\n250 SIZE\r\n"), {.size = true}},
        {"SIZE 0 is no limit", ROW("250-mx\r\n250 SIZE 0\r\n"), {.size = true}},
        {"SIZE of nonsense is none", ROW("250-mx\r\n250 SIZE 10M\r\n"), {.size_max = 0}},
        {"SIZE that no number holds", ROW("250-mx\r\n250 SIZE 99999999999999999999\r\n"),
            {.size_max = 0}},
        {"the least of two", ROW("250-mx\r\n250-SIZE 500\r\n250 SIZE 700\r\n"),
            {.size = true, .size_max = 500}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct smtp_extensions found;

        print_message("# %s\n", rows[i].what);
        smtp_extensions_read(rows[i].reply, &found);
        assert_int_equal(found.starttls, rows[i].wanted.starttls);
        assert_int_equal(found.pipelining, rows[i].wanted.pipelining);
        assert_int_equal(found.eight_bit_mime, rows[i].wanted.eight_bit_mime);
        assert_int_equal(found.smtputf8, rows[i].wanted.smtputf8);
        assert_int_equal(found.dsn, rows[i].wanted.dsn);
        assert_int_equal(found.enhanced_codes, rows[i].wanted.enhanced_codes);
        assert_int_equal(found.chunking, rows[i].wanted.chunking);
        assert_int_equal(found.size, rows[i].wanted.size);
        assert_int_equal(found.size_max, rows[i].wanted.size_max);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_a_server_says),
        cmocka_unit_test(says_what_is_half_and_what_is_bad),
        cmocka_unit_test(keeps_to_its_ceilings),
        cmocka_unit_test(cuts_a_long_text_between_letters),
        cmocka_unit_test(is_written_as_it_was_said),
        cmocka_unit_test(knows_what_a_server_offers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
