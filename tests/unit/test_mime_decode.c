/*
 * Transfer encodings, regular and not.
 */
#include "tests/unit/unit.h"

#include "milters/mime/mime_decode.h"
#include "milters/mime/mime_embedded.h"
#include "shared/base/attributes.h"

static void
decodes_base64_as_programs_do(void **state)
{
    static const struct {
        const char *what;
        const char *text;
        enum mime_padding padding;
        const char *wanted;
        bool goes_on;
        bool junk;
        bool junk_apart;
    } rows[] = {
        {"one line", "SGVsbG8=", MIME_PADDING_ENDS, "Hello", false, false, false},
        {"lines", "SGVs\r\nbG8=\r\n", MIME_PADDING_ENDS, "Hello", false, false, false},
        {"blanks inside", "SG Vs\tbG8 =", MIME_PADDING_ENDS, "Hello", false, false,
            false},
        {"bare CR", "SGVs\rbG8=", MIME_PADDING_ENDS, "Hello", false, false, false},
        {"no padding", "SGVsbG8", MIME_PADDING_ENDS, "Hello", false, false, false},
        {"one character left", "SGVsb", MIME_PADDING_ENDS, "Hel", false, false, false},
        {"padding ends", "SGVsbG8=\nSGVs", MIME_PADDING_ENDS, "Hello", true, false,
            false},
        {"padding restarts", "SGVsbG8=\nSGVs", MIME_PADDING_RESTARTS, "HelloHel", true,
            false, false},
        {"padding ignored", "SGVsbG=8", MIME_PADDING_IGNORED, "Hello", true, false,
            false},
        {"junk inside", "SG!VsbG8=", MIME_PADDING_ENDS, "Hello", false, true, false},
        {"a footer", "SGVs\n_____\n", MIME_PADDING_ENDS, "Hel", false, true, true},
        {"nothing", "", MIME_PADDING_ENDS, "", false, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct mime_base64 seen;
        struct buffer out;

        buffer_init(&out, 1000);
        seen = mime_decode_base64(span_of(rows[i].text), rows[i].padding, &out);
        if (!span_is(buffer_span(&out), rows[i].wanted) ||
            seen.goes_on != rows[i].goes_on || seen.junk != rows[i].junk ||
            seen.junk_apart != rows[i].junk_apart)
            fail_msg("%s", rows[i].what);
        buffer_clear(&out);
    }
}

static void
decodes_quoted_printable(void **state)
{
    static const struct {
        const char *text;
        bool keep;
        const char *wanted;
        bool blanks;
    } rows[] = {
        {"a=3Db", false, "a=b", false},
        {"a=3db\r\n", false, "a=b\r\n", false},
        {"soft=\r\n line", false, "soft line", false},
        {"soft= \t\r\nline", false, "softline", false},
        {"end  \r\nx", false, "end\r\nx", true},
        {"end  \r\nx", true, "end  \r\nx", true},
        {"odd=zz=", false, "odd=zz", false},
        {"lf only\n", false, "lf only\n", false},
        {"=", false, "", false},
        {"", false, "", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer out;
        bool blanks;

        buffer_init(&out, 1000);
        blanks = mime_decode_quoted(span_of(rows[i].text), rows[i].keep, &out);
        if (!span_is(buffer_span(&out), rows[i].wanted) || blanks != rows[i].blanks)
            fail_msg("row %zu: %.*s", i, (int)out.length, out.data);
        buffer_clear(&out);
    }
}

static void
finds_files_that_stand_in_a_text(void **state)
{
    struct span text = SPAN("hello\r\nbegin 644 a.txt\r\n%2&5L;&\\\r\n`\r\nend\r\n"
                            "=ybegin line=128 size=5 name=b\r\nr\x8f\x96\x96\x99\r\n"
                            "=yend size=5\r\nbegin the day\r\n"
                            "begin 2026 with it\r\nbegin  644 c\r\n%2&5L;&\\\r\nend\r\n"
                            "begin-base64 644 d\r\nSGVsbG8=\r\n====\r\n");
    struct buffer out;

    (void)state;
    buffer_init(&out, 1000);
    assert_true(mime_embedded_file(&text, &out));
    assert_true(span_is(buffer_span(&out), "Hello"));
    buffer_reset(&out);
    assert_true(mime_embedded_file(&text, &out));
    assert_true(span_is(buffer_span(&out), "Hello"));
    buffer_reset(&out);
    assert_true(mime_embedded_file(&text, &out));
    for (int i = 0; i < 2; i++) {
        buffer_reset(&out);
        assert_true(mime_embedded_file(&text, &out));
        assert_true(span_is(buffer_span(&out), "Hello"));
    }
    buffer_reset(&out);
    assert_false(mime_embedded_file(&text, &out));
    buffer_clear(&out);
}

static void
finds_base64_in_calendars_and_xml(void **state)
{
    static const char *const rows[] = {
        "BEGIN:VCALENDAR\r\nATTACH;ENCODING=BASE64;VALUE=BINARY:SGVs\r\n "
        "bG8=\r\nEND:X\r\n",
        "BEGIN:VCARD\r\nPHOTO;ENCODING=b;TYPE=ZIP:SGVsbG8=\r\nEND:VCARD\r\n",
        "BEGIN:VCARD\r\nPHOTO;BASE64:\r\n SGVs\r\n bG8=\r\n\r\nEND:VCARD\r\n",
        "<?xml version=\"1.0\"?><a><office:binary-data>SGVs\nbG8=</office:binary-data>",
        "<?xml version=\"1.0\"?><pkg:binaryData>SGVsbG8=</pkg:binaryData>",
        "<svg><image href=\"data:x/y;base64,SGVsbG8=\"/></svg>",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span text = span_of(rows[i]);
        struct buffer out;
        bool found = false;

        buffer_init(&out, 1000);
        assert_true(mime_embedded_may_have_values(text));
        while (mime_embedded_value(&text, &out)) {
            found |= span_is(buffer_span(&out), "Hello");
            buffer_reset(&out);
        }
        if (!found)
            fail_msg("row %zu", i);
        buffer_clear(&out);
    }
    assert_false(mime_embedded_may_have_values(SPAN("Hello ENCODING=B:x")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_base64_as_programs_do),
        cmocka_unit_test(decodes_quoted_printable),
        cmocka_unit_test(finds_files_that_stand_in_a_text),
        cmocka_unit_test(finds_base64_in_calendars_and_xml),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
