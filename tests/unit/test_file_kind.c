/*
 * Formats by their first octets, what libclamav finds in a zip, what has come out of
 * files.
 */
#include "tests/unit/unit.h"

#include "milters/mime/cms.h"
#include "milters/mime/file_kind.h"
#include "milters/mime/opened.h"
#include "milters/mime/zip_view.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"

#include <string.h>

#define OCTETS(text)                                                                     \
    {                                                                                    \
        ("" text), sizeof(text) - 1                                                      \
    }
#define ROW(magic, state, name)                                                          \
    {                                                                                    \
        OCTETS(magic), state, name                                                       \
    }

static void
knows_files_by_their_first_octets(void **state)
{
    static const struct {
        struct span magic;
        enum file_kind_state state;
        const char *name;
    } rows[] = {
        ROW("Rar!\x1a\x07\x01\0", FILE_CONTAINER, "RAR"),
        ROW("7z\xbc\xaf\x27\x1c", FILE_CONTAINER, "7z"),
        ROW("MZ\x90\0....Rar!\x1a\x07\x01\0", FILE_UNOPENED, "RAR"),
        ROW("\x28\xb5\x2f\xfd", FILE_UNOPENED, "zstd"),
        ROW("\x04\x22\x4d\x18", FILE_UNOPENED, "lz4"),
        ROW("\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0", FILE_UNOPENED, "lzma"),
        ROW("!<arch>\n", FILE_UNOPENED, "ar"),
        ROW("MSWIM\0\0\0", FILE_UNOPENED, "WIM"),
        ROW("conectix", FILE_UNOPENED, "VHD"),
        ROW("vhdxfile", FILE_UNOPENED, "VHDX"),
        ROW("-----BEGIN PGP MESSAGE-----\n", FILE_ENCRYPTED, "PGP"),
        ROW("\x85\x01\x0c\x03"
            "12345678901234567890",
            FILE_ENCRYPTED, "PGP"),
        ROW("\x8c\x0d\x04\x09"
            "12345678901234567890",
            FILE_ENCRYPTED, "PGP"),
        ROW("Salted__12345678", FILE_ENCRYPTED, "OpenSSL"),
        ROW("<?xml version=\"1.0\"?><manifest:manifest><manifest:encryption-data/>",
            FILE_ENCRYPTED, "OpenDocument"),
        ROW("<?xml version=\"1.0\"?><manifest:manifest><manifest:file-entry/>",
            FILE_PLAIN, NULL),
        ROW("0\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03", FILE_ENCRYPTED,
            "S/MIME"),
        ROW("0\x82\x01\0\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17",
            FILE_ENCRYPTED, "S/MIME"),
        /* Signed: with content, of an indefinite length, without. */
        ROW("0\x40\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x33\x30\x31\x02\x01"
            "\x01"
            "\x31\0\x30\x0f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x02\x04\0",
            FILE_SIGNED, "S/MIME"),
        ROW("0\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80\x02\x01"
            "\x01"
            "\x31\0\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80\x04\0",
            FILE_SIGNED, "S/MIME"),
        ROW("0\x40\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x33\x30\x31\x02\x01"
            "\x01"
            "\x31\0\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x02\x04\0",
            FILE_PLAIN, NULL),
        ROW("0\x82", FILE_PLAIN, NULL),
        ROW("Hello, a text that is long enough to be none of these", FILE_PLAIN, NULL),
        ROW("%PDF-1.4\n", FILE_PLAIN, NULL),
        ROW("", FILE_PLAIN, NULL),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct file_kind kind;
        struct buffer file;

        buffer_init(&file, 4096);
        (void)buffer_append(&file, rows[i].magic);
        /* A container has something in it. */
        while (rows[i].state == FILE_CONTAINER && file.length < 100)
            (void)buffer_append_octet(&file, 'x');
        kind = file_kind_of(buffer_span(&file));
        if (kind.state != rows[i].state ||
            (kind.name == NULL ? rows[i].name != NULL
                               : strcmp(kind.name, rows[i].name) != 0))
            fail_msg("row %zu: %d %s", i, kind.state, kind.name);
        buffer_clear(&file);
    }
}

static void
takes_out_what_is_signed(void **state)
{
#define SIGNED_HEAD                                                                      \
    "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80\x02\x01\x01"           \
    "\x31\0\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
    static const struct {
        struct span cms;
        const char *content; /* NULL: not all is there */
    } rows[] = {
        {OCTETS("0\x80" SIGNED_HEAD "\xa0\x80\x04\x02hi\0\0\0\0"), "hi"},
        {OCTETS("0\x80" SIGNED_HEAD "\xa0\x80\x24\x80\x04\x01h\x04\x02i!\0\0\0\0"),
            "hi!"},
        {OCTETS("0\x80" SIGNED_HEAD "\xa0\x04\x04\x02hi\x31\0"), "hi"},
        {OCTETS("0\x80" SIGNED_HEAD "\xa0\x80\x24\x80\x04\x01h\x04\x20i!"), NULL},
        {OCTETS("0\x80" SIGNED_HEAD "\xa0\x80\x04"), NULL},
        {OCTETS("0\x80" SIGNED_HEAD "\0\0"), NULL},
        {OCTETS("hello"), NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer content;
        bool found;

        buffer_init(&content, 100);
        found = cms_content(rows[i].cms, &content);
        if (found != (rows[i].content != NULL) ||
            (found && !span_is(buffer_span(&content), rows[i].content)))
            fail_msg("row %zu: %d", i, found);
        buffer_clear(&content);
    }
}

static void
knows_office_files_that_are_encrypted(void **state)
{
    static const char ole[] = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
    struct buffer file;

    (void)state;
    for (int i = 0; i < 4; i++) {
        buffer_init(&file, 1 << 16);
        (void)buffer_append(&file, span_make(ole, 8));
        while (file.length < 512)
            (void)buffer_append_octet(&file, '\0');
        if (i == 1)
            for (const char *name = "EncryptedPackage"; *name != '\0'; name++) {
                (void)buffer_append_octet(&file, *name);
                (void)buffer_append_octet(&file, '\0');
            }
        if (i == 2)
            (void)buffer_append(&file, SPAN("\xec\xa5\xc1\0\0\0\0\0\0\0\0\x01"));
        if (i == 3)
            (void)buffer_append(&file, SPAN("\x09\x08\x10\0"
                                            "1234567890123456"
                                            "\x2f\0\x36\0"));
        while (file.length < 2048)
            (void)buffer_append_octet(&file, '\0');
        assert_int_equal(
            file_kind_of(buffer_span(&file)).state, i == 0 ? FILE_PLAIN : FILE_ENCRYPTED);
        buffer_clear(&file);
    }
}

static void
finds_an_encrypted_text_in_a_mail(void **state)
{
    (void)state;
    assert_int_equal(
        file_kind_of_leaf(SPAN("Hello\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n")).state,
        FILE_ENCRYPTED);
    assert_int_equal(
        file_kind_of_leaf(SPAN("see -----BEGIN PGP MESSAGE-----")).state, FILE_PLAIN);
}

/* One member of ten octets, and the end; the same behind three octets; cut. */
#define MEMBER                                                                           \
    "PK\1\2"                                                                             \
    "1234"                                                                               \
    "\0\0"                                                                               \
    "\x08\0"                                                                             \
    "567890123456"                                                                       \
    "\x0a\0\0\0"                                                                         \
    "\1\0\0\0\0\0"                                                                       \
    "1234567890"                                                                         \
    "12"                                                                                 \
    "x"
#define LOCAL                                                                            \
    "PK\3\4"                                                                             \
    "zzzzzz"

static void
sees_what_a_zip_says(void **state)
{
    static const struct {
        struct span zip;
        bool is;
        bool odd;
        unsigned members;
    } rows[] = {
        {OCTETS(LOCAL MEMBER "PK\5\6\0\0\0\0\1\0\1\0\x2f\0\0\0\x0a\0\0\0\0\0"), true,
            false, 1},
        {OCTETS(LOCAL MEMBER "PK\5\6\1\0\1\0\1\0\1\0\x2f\0\0\0\x0a\0\0\0\0\0"), true,
            true, 0},
        {OCTETS(LOCAL MEMBER "PK\5\6\0\0\0\0\2\0\2\0\x2f\0\0\0\x0a\0\0\0\0\0"), true,
            true, 1},
        {OCTETS(LOCAL LOCAL MEMBER "PK\5\6\0\0\0\0\1\0\1\0\x2f\0\0\0\x0a\0\0\0\0\0"),
            true, true, 1},
        {OCTETS(LOCAL MEMBER "PK\5\6"), true, true, 0},
        {OCTETS(LOCAL), true, true, 0},
        {OCTETS("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), true, false, 0},
        {OCTETS("hello"), false, true, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct zip_view view;

        zip_look(rows[i].zip, &view);
        if (zip_is(rows[i].zip) != rows[i].is || view.odd != rows[i].odd ||
            view.members != rows[i].members)
            fail_msg("row %zu: %d %d %u", i, zip_is(rows[i].zip), view.odd, view.members);
    }
}

static void
counts_what_comes_out(void **state)
{
    static const struct span rar = {
        "Rar!\x1a\x07\0zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", 46};
    struct opened *opened = opened_new();

    (void)state;
    opened_file(opened, 0, SPAN("CL_TYPE_MAIL"), SPAN("a mail"));
    opened_file(opened, 1, SPAN("CL_TYPE_TEXT_ASCII"), SPAN("a text\r\nof lines\r\n"));
    opened_file(opened, 1, SPAN("CL_TYPE_RAR"), rar);
    opened_file(opened, 2, SPAN("CL_TYPE_TEXT_ASCII"), SPAN("inside"));
    opened_end(opened);
    assert_null(opened_missing(opened));
    assert_true(opened_has(opened, SPAN("a text\nof lines")));
    assert_true(opened_has(opened, rar));
    assert_false(opened_has(opened, SPAN("inside")));
    assert_false(opened_has(opened, SPAN("another text")));
    opened_file(opened, 0, SPAN("CL_TYPE_RAR"), rar);
    opened_end(opened);
    assert_string_equal(opened_missing(opened), "RAR");
    opened_free(opened);
}

static void
counts_what_a_7z_announces(void **state)
{
    struct opened *opened = opened_new();

    (void)state;
    opened_file(opened, 0, SPAN("CL_TYPE_7Z"), SPAN("7z\xbc\xaf\x27\x1c"));
    opened_member(opened, SPAN("CL_TYPE_7Z"), 100);
    opened_member(opened, SPAN("CL_TYPE_7Z"), 0);
    opened_file(opened, 1, SPAN("CL_TYPE_TEXT_ASCII"), SPAN("inside"));
    opened_end(opened);
    assert_null(opened_missing(opened));
    opened_file(opened, 0, SPAN("CL_TYPE_7Z"), SPAN("7z\xbc\xaf\x27\x1c"));
    opened_member(opened, SPAN("CL_TYPE_7Z"), 100);
    opened_member(opened, SPAN("CL_TYPE_7Z"), 100);
    opened_file(opened, 1, SPAN("CL_TYPE_TEXT_ASCII"), SPAN("inside"));
    opened_end(opened);
    assert_string_equal(opened_missing(opened), "7z");
    opened_free(opened);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_files_by_their_first_octets),
        cmocka_unit_test(takes_out_what_is_signed),
        cmocka_unit_test(knows_office_files_that_are_encrypted),
        cmocka_unit_test(finds_an_encrypted_text_in_a_mail),
        cmocka_unit_test(sees_what_a_zip_says),
        cmocka_unit_test(counts_what_comes_out),
        cmocka_unit_test(counts_what_a_7z_announces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
