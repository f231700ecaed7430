/*
 * What mail programs show of a message, and whether they agree.
 */
#include "tests/unit/unit.h"

#include "milters/mime/mime_read.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"

#include <string.h>

/* Leaves one after another, parted by "|", line ends as blanks. */
static bool
collect(struct span octets, void *context)
{
    struct buffer *out = context;

    for (size_t i = 0; i < octets.length; i++)
        (void)buffer_append_octet(out,
            (char)(octets.data[i] == '\n' || octets.data[i] == '\r' ? ' '
                                                                    : octets.data[i]));
    (void)buffer_append_octet(out, '|');
    return true;
}

#define MIXED "Content-Type: multipart/mixed; boundary=p\n\n"
#define FILE64 "Content-Transfer-Encoding: base64\n\nRklMRQ==\n"

static const struct {
    const char *what;
    const char *message;
    const char *leaf;      /* is among those given */
    const char *ambiguous; /* part of why; NULL: it is not */
} rows[] = {
    {"no header", "\nFILE", "FILE|", NULL},
    {"plain", "Subject: x\n\nFILE", "FILE|", NULL},
    {"base64", "Subject: x\n" FILE64, "FILE|", NULL},
    {"folded encoding", "Content-Transfer-Encoding:\n base64\n\nRklMRQ==\n", "FILE|",
        NULL},
    {"multipart", MIXED "--p\n\nA\n--p\n" FILE64 "--p--\n", "A|FILE|", NULL},
    {"CRLF", "Content-Type: multipart/mixed; boundary=p\r\n\r\n--p\r\n\r\nA\r\n--p--\r\n",
        "A|", NULL},
    {"not closed", MIXED "--p\n" FILE64, "FILE|", NULL},
    {"preamble, epilogue", MIXED "hi\n--p\n" FILE64 "--p--\nbye", "FILE|", NULL},
    {"blanks behind delimiters", MIXED "--p \t\n" FILE64 "--p-- \n", "FILE|", NULL},
    {"signed", "Content-Type: multipart/signed; boundary=p\n\n--p\n" FILE64 "--p--\n",
        "FILE|", NULL},
    {"parallel", "Content-Type: multipart/parallel; boundary=p\n\n--p\n" FILE64 "--p--\n",
        "FILE|", NULL},
    {"odd disposition",
        MIXED "--p\nContent-Type: text/plain\nContent-Disposition: attachement\n" FILE64,
        "FILE|", NULL},
    {"boundary with a semicolon",
        "Content-Type: multipart/mixed; boundary=\"p;\"\n\n--p;\n" FILE64 "--p;--\n",
        "FILE|", NULL},
    {"boundary of usual tspecials",
        "Content-Type: multipart/mixed; "
        "boundary=----=_Part/1?:x\n\n------=_Part/1?:x\n" FILE64,
        "FILE|", NULL},
    {"blanks around =",
        "Content-Type: multipart/mixed;\n\tboundary = \"p\"\n\n--p\n" FILE64, "FILE|",
        NULL},
    {"final semicolon", "Content-Type: multipart/mixed; boundary=\"p\";\n\n--p\n" FILE64,
        "FILE|", NULL},
    {"boundary in Content-Disposition too",
        "Content-Disposition: inline; boundary=q\n" MIXED "--p\n" FILE64, "FILE|", NULL},
    {"boundary in pieces",
        "Content-Type: multipart/mixed; boundary*0=\"p\"; "
        "boundary*1=\"q\"\n\n--pq\n" FILE64,
        "FILE|", "pieces"},
    {"boundary encoded",
        "Content-Type: multipart/mixed; boundary*=us-ascii'en'%70q\n\n--pq\n" FILE64,
        "FILE|", "pieces"},
    {"boundary escaped",
        "Content-Type: multipart/mixed; boundary=\"\\p\"\n\n--p\n" FILE64, "FILE|",
        "escapes"},
    {"boundary with escapes that are none",
        "Content-Type: multipart/mixed; boundary=\"\\p\"\n\n--\\p\n" FILE64, "FILE|",
        "escapes"},
    {"boundary in single quotes",
        "Content-Type: multipart/mixed; boundary='p'\n\n--'p'\n" FILE64, "FILE|",
        "single quotes"},
    {"boundary ends with a blank",
        "Content-Type: multipart/mixed; boundary=\"p \"\n\n--p \n" FILE64, "FILE|",
        "blank"},
    {"boundary as an encoded word",
        "Content-Type: multipart/mixed; boundary=\"=?us-ascii?Q?p?=\"\n\n--p\n" FILE64,
        "", "encoded word"},
    {"two boundaries",
        "Content-Type: multipart/mixed; boundary=q; boundary=p\n\n--p\n" FILE64, "FILE|",
        "two boundaries"},
    {"no boundary", "Content-Type: multipart/mixed\n\n--part\n" FILE64 "--part--\n",
        "FILE|", NULL},
    {"no semicolon", "Content-Type: multipart/mixed boundary=p\n\n--p\n" FILE64, "FILE|",
        "odd"},
    {"a comment",
        "Content-Type: multipart/mixed (a; boundary=q); boundary=p\n\n--p\n" FILE64,
        "FILE|", "odd"},
    {"a comment in a leaf's type is no matter",
        "Content-Type: text/plain; charset=us-ascii (Plain text)\n\nFILE", "FILE|", NULL},
    {"two types that are leaves",
        "Content-Type: text/plain\nContent-Type: text/html\n\nFILE", "FILE|", NULL},
    {"two types", "Content-Type: text/plain\n" MIXED "--p\n" FILE64, "FILE|",
        "two fields"},
    {"two types, the other order",
        "Content-Type: multipart/mixed; boundary=p\nContent-Type: "
        "text/plain\n\n--p\n" FILE64,
        "FILE|", "two fields"},
    {"two encodings",
        "Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\nRklMRQ==",
        "FILE|", "two fields"},
    {"comment in the encoding",
        "Content-Transfer-Encoding: (x) base64\n\nRklMRQ==", "FILE|", "unknown"},
    {"unknown encoding", "Content-Transfer-Encoding: base-64\n\nRklMRQ==", "FILE|",
        "unknown"},
    {"an encoding of no consequence", "Content-Transfer-Encoding: 8-bit\n\nFILE", "FILE|",
        NULL},
    {"blank line that is not empty, in a part",
        MIXED "--p\nContent-Type: a/b\n \n" FILE64 "--p--\n", "FILE|", "blanks alone"},
    {"the same, the other way",
        MIXED "--p\nContent-Transfer-Encoding: base64\n \nRklMRQ==\n--p--\n", "FILE|",
        "blanks alone"},
    {"a line that is no field", MIXED "--p\nwhat is this\n" FILE64 "--p--\n", "FILE|",
        "no field"},
    {"a blank before the colon", "Content-Transfer-Encoding : base64\n\nRklMRQ==\n",
        "FILE|", "before a colon"},
    {"a prefix", MIXED "--p\n\nA\n--px\n" FILE64 "--p--\n", "A ", "begin alike"},
    {"prefixes of each other",
        MIXED "--p\nContent-Type: multipart/mixed; boundary=p2\n\n--p2\n" FILE64
              "--p2--\n--p--\n",
        "FILE|", "begin alike"},
    {"behind the closing one", MIXED "--p\n\nA\n--p--\n--p\n" FILE64, "FILE|", "behind"},
    {"bare CR before a boundary", MIXED "--p\n\nA\r--p\r" FILE64, "A ", "bare CR"},
    {"bare CR in a field", "Content-Type: text/plain\rx: y\n\nA", "A|", "bare CR"},
    {"a message", "Content-Type: message/rfc822\n\nX-Odd: 1\n" FILE64, "FILE|", NULL},
    {"a message with a From line",
        "Content-Type: message/rfc822\n\nFrom x@y\nX-Odd: 1\n" FILE64, "FILE|", NULL},
    {"an encoded message",
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n"
        "Content-Transfer-Encoding: base64=0A=0ARklMRQ=3D=3D\n",
        "FILE|", NULL},
    {"a digest",
        "Content-Type: multipart/digest; boundary=p\n\n--p\n\nX: y\n" FILE64 "--p--\n",
        "FILE|", NULL},
    {"a piece of a message", "Content-Type: message/partial; number=1\n\nSubject: x\n\nA",
        "A|", "piece"},
    {"a leaf that is a message to who opens it",
        "Content-Type: application/octet-stream\n\nX: y\nContent-Type: what "
        "ever\n" FILE64,
        "FILE|", NULL},
    {"uuencoded in a text", "Subject: x\n\nhi\nbegin 644 f\n$1DE,10``\n`\nend\n", "FILE|",
        NULL},
    {"an encoded multipart", "Content-Transfer-Encoding: base64\n" MIXED "--p\n" FILE64,
        "FILE|", "encoded"},
    {"base64 with a footer", "Content-Transfer-Encoding: base64\n\nRklMRQ==\n____\nlist",
        "FILE|", NULL},
    {"base64 with other octets in it", "Content-Transfer-Encoding: base64\n\nRkl-MRQ==\n",
        "FILE|", "other octets"},
};

static void
gives_the_leaves_of(void **state)
{
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct mime_report report;
        struct buffer out;
        bool good;

        buffer_init(&out, 10000);
        mime_read(span_of(rows[i].message), collect, &out, &report);
        good = strstr(buffer_text(&out), rows[i].leaf) != NULL && report.limit == NULL;
        if (rows[i].ambiguous == NULL)
            good &= report.ambiguous == NULL;
        else
            good &= report.ambiguous != NULL &&
                    strstr(report.ambiguous, rows[i].ambiguous) != NULL;
        if (!good) {
            print_error("%s: leaves %s, ambiguous: %s\n", rows[i].what, buffer_text(&out),
                report.ambiguous == NULL ? "no" : report.ambiguous);
            wrong++;
        }
        buffer_clear(&out);
    }
    assert_int_equal(wrong, 0);
}

static bool
count(struct span octets, void *context)
{
    (void)octets;
    *(size_t *)context += 1;
    return true;
}

static void
says_that_it_did_not_read_all(void **state)
{
    struct mime_report report;
    struct buffer message;
    size_t leaves = 0;

    (void)state;
    buffer_init(&message, 1 << 21);
    for (unsigned i = 0; i < 50; i++)
        (void)buffer_append_text(&message, "Content-Type: message/rfc822\n\n");
    mime_read(buffer_span(&message), count, &leaves, &report);
    assert_string_equal(report.limit, "MaxMimeDepth");
    buffer_reset(&message);
    (void)buffer_append_text(&message, MIXED);
    for (unsigned i = 0; i < MIME_PARTS_MAX + 10; i++)
        (void)buffer_append_text(&message,
            "--p\n\nenough octets for a part to be worth a look of its own, sixty\n");
    mime_read(buffer_span(&message), count, &leaves, &report);
    assert_string_equal(report.limit, "MaxMimeParts");
    buffer_clear(&message);
}

static void
takes_very_long_boundaries(void **state)
{
    static const size_t lengths[] = {70, 128, 129, 900, 1001, 5000};
    struct buffer message;

    (void)state;
    buffer_init(&message, 1 << 20);
    for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
        struct mime_report report;
        struct buffer out;
        char boundary[5001] = {0};

        memset(boundary, 'x', lengths[i]);
        buffer_init(&out, 20000);
        buffer_reset(&message);
        (void)buffer_printf(&message,
            "Content-Type: multipart/mixed; boundary=\"%s\"\n\n--%s\n" FILE64 "--%s--\n",
            boundary, boundary, boundary);
        mime_read(buffer_span(&message), collect, &out, &report);
        assert_int_equal(report.ambiguous != NULL, lengths[i] > 128);
        if (lengths[i] <= 1000)
            assert_non_null(strstr(buffer_text(&out), "FILE|"));
        buffer_clear(&out);
    }
    buffer_clear(&message);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_leaves_of),
        cmocka_unit_test(says_that_it_did_not_read_all),
        cmocka_unit_test(takes_very_long_boundaries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
