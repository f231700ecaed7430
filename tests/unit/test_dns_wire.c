/*
 * DNS packets: questions octet by octet; answers that are right, odd, and lies.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/dns/dns_wire.h"

#include <string.h>

#define SPAN_OF(literal)                                                                 \
    {                                                                                    \
        "" literal, sizeof(literal) - 1                                                  \
    }

struct name_row {
    const char *what;
    struct span text;
    bool good;
};

#define LABEL_63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
#define LABEL_61 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi"

/* clang-format off */
static const struct name_row name_rows[] = {
    {"a name",               SPAN_OF("example.com"),                                        true },
    {"any octets",           SPAN_OF("a b\\.\xff\0.com"),                                   true },
    {"one label",            SPAN_OF("com"),                                                true },
    {"a label of 63",        SPAN_OF(LABEL_63 ".com"),                                      true },
    {"a label of 64",        SPAN_OF(LABEL_63 "x.com"),                                     false},
    {"253 octets",           SPAN_OF(LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_61),      true },
    {"254 octets",           SPAN_OF(LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_61 "x"),  false},
    {"nothing",              SPAN_OF(""),                                                   false},
    {"the root",             SPAN_OF("."),                                                  false},
    {"an empty label",       SPAN_OF("a..b"),                                               false},
    {"an empty first label", SPAN_OF(".a"),                                                 false},
    {"a final dot",          SPAN_OF("a.b."),                                               false},
};
/* clang-format on */

static void
asks_for_what_can_be_asked(void **state)
{
    struct dns_name name;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(name_rows); i++) {
        print_message("# %s\n", name_rows[i].what);
        assert_int_equal(dns_name_parse(name_rows[i].text, &name), name_rows[i].good);
    }
}

static void
the_question_is_as_rfc_1035_and_6891_have_it(void **state)
{
    static const char wanted[] = "\x12\x34\x01\x20\0\x01\0\0\0\0\0\x01"
                                 "\x01"
                                 "a\x02\xff.\x03"
                                 "com\0\0\x10\0\x01"
                                 "\0\0\x29\x04\xd0\0\0\0\0\0";
    unsigned char packet[DNS_WIRE_QUESTION_MAX];
    struct dns_name name = {"\x01"
                            "a\x02\xff.\x03"
                            "com",
        10};

    (void)state;
    assert_int_equal(dns_wire_question(packet, 0x1234, &name, DNS_TXT), sizeof(wanted));
    assert_memory_equal(packet, wanted, sizeof(wanted));
}

/* Packets below: header with `flags` and `answers`, the question a.b, then the rest. */
#define HEADER(flags, answers) "\x12\x34" flags "\0\x01\0" answers "\0\0\0\0"
#define NAME                                                                             \
    "\x01"                                                                               \
    "a\x01"                                                                              \
    "b\0"
#define ASKED(type) NAME "\0" type "\0\x01"
#define FIXED(type, length) "\0" type "\0\x01\0\0\0\x3c\0" length
#define A_RECORD "\xc0\x0c" FIXED("\x01", "\x04") "\xc0\0\x02\x01"
#define OK "\x81\x80"
#define OK_AD "\x81\xa0"

struct answer_row {
    const char *what;
    enum dns_type type;
    struct span packet;
    enum dns_status status;
    size_t count;
    const char *text; /* of the first record, and so long */
    size_t length;
};

/* clang-format off */
static const struct answer_row answer_rows[] = {
    {"an address",               DNS_A,    SPAN_OF(HEADER(OK, "\x01") ASKED("\x01") A_RECORD),
     DNS_OK, 1, NULL, 0},
    {"a secure address",         DNS_A,    SPAN_OF(HEADER(OK_AD, "\x01") ASKED("\x01") A_RECORD),
     DNS_OK, 1, NULL, 0},
    {"another type beside it",   DNS_A,
     SPAN_OF(HEADER(OK, "\x02") ASKED("\x01") "\xc0\x0c" FIXED("\x2e", "\x01") "x" A_RECORD),
     DNS_OK, 1, NULL, 0},
    {"another owner's",          DNS_A,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x01") "\xc0\x0e" FIXED("\x01", "\x04") "\xc0\0\x02\x01"),
     DNS_NODATA, 0, NULL, 0},
    {"another class",            DNS_A,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x01") "\xc0\x0c\0\x01\0\x03\0\0\0\x3c\0\x04\xc0\0\x02\x01"),
     DNS_NODATA, 0, NULL, 0},
    {"owner in upper case",      DNS_A,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x01") "\x01" "A\xc0\x0e" FIXED("\x01", "\x04") "\xc0\0\x02\x01"),
     DNS_OK, 1, NULL, 0},
    {"nothing",                  DNS_A,    SPAN_OF(HEADER(OK, "\0") ASKED("\x01")), DNS_NODATA, 0, NULL, 0},
    {"no such name",             DNS_A,    SPAN_OF(HEADER("\x81\x83", "\0") ASKED("\x01")),
     DNS_NXDOMAIN, 0, NULL, 0},
    {"no such name, yet a record", DNS_A,  SPAN_OF(HEADER("\x81\x83", "\x01") ASKED("\x01") A_RECORD),
     DNS_MALFORMED, 0, NULL, 0},
    {"server failure",           DNS_A,    SPAN_OF(HEADER("\x81\x82", "\0") ASKED("\x01")),
     DNS_SERVFAIL, 0, NULL, 0},
    {"refused",                  DNS_A,    SPAN_OF(HEADER("\x81\x85", "\0") ASKED("\x01")),
     DNS_REFUSED, 0, NULL, 0},
    {"not a response",           DNS_A,    SPAN_OF(HEADER("\x01\0", "\x01") ASKED("\x01") A_RECORD),
     DNS_MALFORMED, 0, NULL, 0},
    {"truncated",                DNS_A,    SPAN_OF(HEADER("\x83\x80", "\x01") ASKED("\x01") A_RECORD),
     DNS_MALFORMED, 0, NULL, 0},
    {"another question",         DNS_A,    SPAN_OF(HEADER(OK, "\x01") ASKED("\x1c") A_RECORD),
     DNS_MALFORMED, 0, NULL, 0},
    {"an address of 3 octets",   DNS_A,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x01") "\xc0\x0c" FIXED("\x01", "\x03") "\xc0\0\x02"),
     DNS_MALFORMED, 0, NULL, 0},
    {"a record too few",         DNS_A,    SPAN_OF(HEADER(OK, "\x02") ASKED("\x01") A_RECORD),
     DNS_MALFORMED, 0, NULL, 0},
    {"data beyond the packet",   DNS_A,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x01") "\xc0\x0c" FIXED("\x01", "\x05") "\xc0\0\x02\x01"),
     DNS_MALFORMED, 0, NULL, 0},
    {"owner that points to itself", DNS_A,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x01") "\xc0\x15" FIXED("\x01", "\x04") "\xc0\0\x02\x01"),
     DNS_MALFORMED, 0, NULL, 0},
    {"owner that points forward", DNS_A,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x01") "\xc0\x20" FIXED("\x01", "\x04") "\xc0\0\x02\x01"),
     DNS_MALFORMED, 0, NULL, 0},
    {"label type 01",            DNS_A,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x01") "\x41" "a" FIXED("\x01", "\x04") "\xc0\0\x02\x01"),
     DNS_MALFORMED, 0, NULL, 0},
    {"half a header",            DNS_A,    SPAN_OF("\x12\x34\x81\x80\0\x01"), DNS_MALFORMED, 0, NULL, 0},
    {"no packet",                DNS_A,    SPAN_OF(""), DNS_MALFORMED, 0, NULL, 0},
    {"an alias",                 DNS_A,
     SPAN_OF(HEADER(OK, "\x02") ASKED("\x01") "\xc0\x0c" FIXED("\x05", "\x03") "\x01" "c\0"
             "\x01" "c\0" FIXED("\x01", "\x04") "\xc0\0\x02\x01"),
     DNS_OK, 1, NULL, 0},
    {"an alias in the wrong order", DNS_A,
     SPAN_OF(HEADER(OK, "\x02") ASKED("\x01") "\x01" "c\0" FIXED("\x01", "\x04") "\xc0\0\x02\x01"
             "\xc0\x0c" FIXED("\x05", "\x03") "\x01" "C\0"),
     DNS_OK, 1, NULL, 0},
    {"an alias to nothing",      DNS_A,
     SPAN_OF(HEADER("\x81\x83", "\x01") ASKED("\x01") "\xc0\x0c" FIXED("\x05", "\x03") "\x01" "c\0"),
     DNS_NXDOMAIN, 0, NULL, 0},
    {"aliases in a ring",        DNS_A,
     SPAN_OF(HEADER(OK, "\x02") ASKED("\x01") "\xc0\x0c" FIXED("\x05", "\x03") "\x01" "c\0"
             "\x01" "c\0" FIXED("\x05", "\x02") "\xc0\x0c"),
     DNS_MALFORMED, 0, NULL, 0},
    {"an alias with junk behind", DNS_A,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x01") "\xc0\x0c" FIXED("\x05", "\x04") "\x01" "c\0\0"),
     DNS_MALFORMED, 0, NULL, 0},
    {"text of two strings",      DNS_TXT,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x10") "\xc0\x0c" FIXED("\x10", "\x07") "\x02" "ab\0\x02\0" "d"),
     DNS_OK, 1, "ab\0d", 4},
    {"text of an empty string",  DNS_TXT,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x10") "\xc0\x0c" FIXED("\x10", "\x01") "\0"),
     DNS_OK, 1, "", 0},
    {"text of no string",        DNS_TXT,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x10") "\xc0\x0c" FIXED("\x10", "\0")),
     DNS_OK, 1, "", 0},
    {"text beyond its record",   DNS_TXT,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x10") "\xc0\x0c" FIXED("\x10", "\x02") "\x02" "abc"),
     DNS_MALFORMED, 0, NULL, 0},
    {"a mail exchanger",         DNS_MX,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x0f") "\xc0\x0c" FIXED("\x0f", "\x06") "\0\x0a\x01" "m\xc0\x0e"),
     DNS_OK, 1, "m.b", 3},
    {"the null exchanger",       DNS_MX,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x0f") "\xc0\x0c" FIXED("\x0f", "\x03") "\0\0\0"),
     DNS_OK, 1, "", 0},
    {"an exchanger without a name", DNS_MX,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x0f") "\xc0\x0c" FIXED("\x0f", "\x02") "\0\x0a"),
     DNS_MALFORMED, 0, NULL, 0},
    {"a name server",            DNS_NS,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x02") "\xc0\x0c" FIXED("\x02", "\x04") "\x01" "n\xc0\x0e"),
     DNS_OK, 1, "n.b", 3},
    {"a start of authority",     DNS_SOA,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x06") "\xc0\x0c" FIXED("\x06", "\x1a") "\x01" "n\xc0\x0e" "\xc0\x0c" "\0\0\0\x07" "0123456789abcdef"),
     DNS_OK, 1, "n.b", 3},
    {"one with three times",     DNS_SOA,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x06") "\xc0\x0c" FIXED("\x06", "\x16") "\x01" "n\xc0\x0e" "\xc0\x0c" "\0\0\0\x07" "0123456789ab"),
     DNS_MALFORMED, 0, NULL, 0},
    {"one with five",            DNS_SOA,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x06") "\xc0\x0c" FIXED("\x06", "\x1b") "\x01" "n\xc0\x0e" "\xc0\x0c" "\0\0\0\x07" "0123456789abcdefg"),
     DNS_MALFORMED, 0, NULL, 0},
    {"a certificate's digest",   DNS_TLSA,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x34") "\xc0\x0c" FIXED("\x34", "\x05") "\x03\x01\x01" "ab"),
     DNS_OK, 1, "\x03\x01\x01" "ab", 5},
    {"one of nothing",           DNS_TLSA,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x34") "\xc0\x0c" FIXED("\x34", "\x03") "\x03\x01\x01"),
     DNS_MALFORMED, 0, NULL, 0},
    {"a pointer with a dot in a label", DNS_PTR,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x0c") "\xc0\x0c" FIXED("\x0c", "\x05") "\x03" "b.c\0"),
     DNS_OK, 1, ".", 1},
    {"a pointer with other octets", DNS_PTR,
     SPAN_OF(HEADER(OK, "\x01") ASKED("\x0c") "\xc0\x0c" FIXED("\x0c", "\x07") "\x05" "b\0\xff;c\0"),
     DNS_OK, 1, "b\0\xff;c", 5},
};
/* clang-format on */

static void
reads_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(answer_rows); i++) {
        const struct answer_row *row = &answer_rows[i];
        struct arena *arena = arena_new(DNS_WIRE_ANSWER_MAX);
        struct dns_name name;
        struct dns_answer answer;

        print_message("# %s\n", row->what);
        assert_true(dns_name_parse(SPAN("A.B"), &name));
        dns_wire_answer(row->packet, &name, row->type, arena, &answer);
        assert_string_equal(dns_status_name(answer.status), dns_status_name(row->status));
        assert_int_equal(answer.count, row->count);
        if (row->count > 0 && row->type == DNS_A)
            assert_memory_equal(answer.records[0].address, "\xc0\0\x02\x01", 4);
        if (row->text != NULL)
            assert_true(
                span_equal(answer.records[0].text, span_make(row->text, row->length)));
        arena_free(arena);
    }
}

static void
tells_what_came_with_it(void **state)
{
    static const char packet[] =
        HEADER(OK_AD, "\x02") ASKED("\x01") "\xc0\x0c\0\x05\0\x01\0\0\0\x07\0\x03"
                                            "\x01"
                                            "c\0"
                                            "\x01"
                                            "c\0" FIXED("\x01", "\x04") "\xc0\0\x02\x01";
    static const char with_opt[] = "\x12\x34\x81\x80\0\x01\0\x01\0\0\0\x01" ASKED("\x01")
        A_RECORD "\0\0\x29\x04\xd0\0\0\0\0\0";
    struct arena *arena = arena_new(DNS_WIRE_ANSWER_MAX);
    struct dns_name name;
    struct dns_answer answer;

    (void)state;
    assert_true(dns_name_parse(SPAN("a.b"), &name));
    dns_wire_answer(span_make(packet, sizeof(packet) - 1), &name, DNS_A, arena, &answer);
    assert_int_equal(answer.ttl, 7);
    assert_true(answer.secure);
    assert_true(span_equal(answer.owner, SPAN("c")));
    assert_false(dns_wire_has_edns(span_make(packet, sizeof(packet) - 1)));
    assert_true(dns_wire_has_edns(span_make(with_opt, sizeof(with_opt))));
    assert_false(dns_wire_has_edns(span_make(with_opt, sizeof(with_opt) - 12)));
    arena_free(arena);
}

/* An answer of `count` records within what the arena may give. */
static enum dns_status
status_of_many(size_t count, enum dns_type type)
{
    static char packet[65535];
    static const char header[] = HEADER(OK, "\0") ASKED("\x01");
    static const char address[] = A_RECORD;
    static const char pointer[] = "\xc0\x0c" FIXED("\x0c", "\x02") "\xc0\x0c";
    const char *record = type == DNS_A ? address : pointer;
    size_t length = type == DNS_A ? sizeof(address) - 1 : sizeof(pointer) - 1;
    struct arena *arena = arena_new(DNS_WIRE_ANSWER_MAX);
    struct dns_name name;
    struct dns_answer answer;

    memcpy(packet, header, sizeof(header) - 1);
    packet[6] = (char)(count >> 8);
    packet[7] = (char)count;
    packet[18] = (char)type;
    for (size_t i = 0; i < count; i++)
        memcpy(packet + sizeof(header) - 1 + i * length, record, length);
    assert_true(dns_name_parse(SPAN("a.b"), &name));
    dns_wire_answer(span_make(packet, sizeof(header) - 1 + count * length), &name, type,
        arena, &answer);
    assert_int_equal(answer.count, answer.status == DNS_OK ? count : 0);
    arena_free(arena);
    return answer.status;
}

static void
has_a_ceiling_of_records(void **state)
{
    (void)state;
    assert_int_equal(status_of_many(DNS_RECORDS_MAX, DNS_A), DNS_OK);
    assert_int_equal(status_of_many(DNS_RECORDS_MAX + 1, DNS_A), DNS_MALFORMED);
    assert_int_equal(status_of_many(DNS_RECORDS_MAX, DNS_PTR), DNS_OK);
    assert_int_equal(status_of_many(4000, DNS_PTR), DNS_MALFORMED);
}

static void
writes_names_for_addresses(void **state)
{
    static const unsigned char v4[] = {192, 0, 2, 1};
    static const unsigned char v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0xcb};
    char out[DNS_NAME_REVERSE_MAX];

    (void)state;
    assert_true(span_is(dns_name_reverse(v4, 4, out), "1.2.0.192.in-addr.arpa"));
    assert_true(span_is(dns_name_reverse(v6, 16, out),
        "b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_for_what_can_be_asked),
        cmocka_unit_test(the_question_is_as_rfc_1035_and_6891_have_it),
        cmocka_unit_test(reads_answers),
        cmocka_unit_test(tells_what_came_with_it),
        cmocka_unit_test(has_a_ceiling_of_records),
        cmocka_unit_test(writes_names_for_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
