/*
 * spamd's protocol.
 */
#include "tests/unit/unit.h"

#include "milters/scan/spamd_wire.h"
#include "shared/base/attributes.h"

static void
reads_answers_of_all_spellings(void **state)
{
    static const struct {
        const char *what;
        const char *text;
        bool spam;
        int score;
        int required;
        const char *tests;
    } rows[] = {
        {"ham",
            "SPAMD/1.1 0 EX_OK\r\nContent-length: 3\r\nSpam: False ; 1.5 / "
            "5.0\r\n\r\nA,B",
            false, 1500, 5000, "A,B"},
        {"spam, the other word",
            "SPAMD/1.1 0 EX_OK\r\nSpam: Yes ; 15.1 / 5.0\r\n\r\nGTUBE", true, 15100, 5000,
            "GTUBE"},
        {"a negative score", "SPAMD/1.1 0 EX_OK\r\nSpam: No ; -2.3 / 5\r\n\r\n", false,
            -2300, 5000, ""},
        {"a large one", "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 1000.0 / 5.0\r\n\r\n", true,
            1000000, 5000, ""},
        {"another order of lines",
            "SPAMD/1.5 0 EX_OK\r\nSpam: True ; 6 / 5\r\nContent-length: 1\r\n\r\nX", true,
            6000, 5000, "X"},
        {"names that are none",
            "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 6 / 5\r\n\r\nA, B ,C\r\nD,<x>,E(1)", true,
            6000, 5000, "A,B"},
        {"lines ended with LF", "SPAMD/1.1 0 EX_OK\nSpam: True ; 6 / 5\n\nA", true, 6000,
            5000, "A"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        static struct spamd_reply reply;
        struct error error;

        print_message("# %s\n", rows[i].what);
        assert_true(spamd_read_reply(span_of(rows[i].text), &reply, &error));
        assert_int_equal(reply.spam, rows[i].spam);
        assert_int_equal(reply.score, rows[i].score);
        assert_int_equal(reply.required, rows[i].required);
        assert_string_equal(reply.tests, rows[i].tests);
    }
}

static void
anything_else_is_no_answer(void **state)
{
    static const char *const rows[] = {"", "\r\n", "HTTP/1.1 200 OK\r\n\r\n",
        "SPAMD/1.1 76 EX_PROTOCOL\r\n\r\n", "SPAMD/1.1 0 EX_OK", "SPAMD/1.1 0 EX_OK\r\n",
        "SPAMD/1.1 0 EX_OK\r\n\r\n", "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 6 / 5\r\n",
        "SPAMD/1.1 0 EX_OK\r\nSpam: Maybe ; 6 / 5\r\n\r\n",
        "SPAMD/1.1 0 EX_OK\r\nSpam: True ; x / 5\r\n\r\n",
        "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 1e9 / 5\r\n\r\n",
        "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 6 / 5\r\nSpam: False ; 1 / 5\r\n\r\n",
        "SPAMD/1.1 0 EX_OK\r\nContent-length: 9\r\nSpam: True ; 6 / 5\r\n\r\nA,B",
        "SPAMD/1.1 0 EX_OK\r\nContent-length: -1\r\nSpam: True ; 6 / 5\r\n\r\nA,B"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        static struct spamd_reply reply;
        struct error error = {ERROR_NONE, ""};

        print_message("# %s\n", rows[i]);
        assert_false(spamd_read_reply(span_of(rows[i]), &reply, &error));
        assert_int_equal(error.kind, ERROR_TEMPORARY);
    }
}

static void
a_client_writes_no_fields_of_its_own(void **state)
{
    struct spamd_envelope envelope = {
        .sender = SPAN("a@b.example>\r\nX-Evil: 1"),
        .helo = SPAN("x) by evil (y\r\n"),
        .client_name = SPAN(""),
        .client_address = SPAN("192.0.2.9"),
        .host = SPAN("mx.example.net"),
        .queue_id = SPAN("4QID"),
        .encrypted = true,
        .authenticated = true,
        .date = "Tue, 24 Nov 2026 12:00:00 +0000",
    };
    struct buffer out = {.ceiling = 4096};

    (void)state;
    spamd_write_preamble(&envelope, &out);
    assert_string_equal(buffer_text(&out),
        "X-Envelope-From: <a@b.exampleX-Evil:1>\r\n"
        "Received: from xbyevily (unknown [192.0.2.9])\r\n"
        "\tby mx.example.net (Postfix) with ESMTPSA id 4QID;\r\n"
        "\tTue, 24 Nov 2026 12:00:00 +0000\r\n");
    buffer_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_answers_of_all_spellings),
        cmocka_unit_test(anything_else_is_no_answer),
        cmocka_unit_test(a_client_writes_no_fields_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
