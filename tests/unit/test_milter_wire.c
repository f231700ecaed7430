/*
 * Packets of an MTA to values, answers to octets.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "milters/protocol/milter_wire.h"
#include "shared/base/attributes.h"

#define OCTETS(literal)                                                                  \
    {                                                                                    \
        ("" literal), sizeof(literal) - 1                                                \
    }

static struct buffer out = {.ceiling = 4096};

static void
parses_whole_packets_only(void **state)
{
    static const struct {
        const char *what;
        struct span input;
        enum wire_result result;
        size_t used;
        char command;
        struct span data;
    } rows[] = {
        {"nothing", OCTETS(""), WIRE_MORE, 5, 0, OCTETS("")},
        {"half a length", OCTETS("\0\0\0"), WIRE_MORE, 5, 0, OCTETS("")},
        {"a length", OCTETS("\0\0\0\x03"), WIRE_MORE, 7, 0, OCTETS("")},
        {"a packet", OCTETS("\0\0\0\x03Lab"), WIRE_DONE, 7, 'L', OCTETS("ab")},
        {"one octet missing", {"\0\0\0\x03La", 6}, WIRE_MORE, 7, 0, OCTETS("")},
        {"no data", OCTETS("\0\0\0\x01Q"), WIRE_DONE, 5, 'Q', OCTETS("")},
        {"another behind it",
            OCTETS("\0\0\0\x02"
                   "Ba\0\0\0\1N"),
            WIRE_DONE, 6, 'B', OCTETS("a")},
        {"an unknown command", OCTETS("\0\0\0\x01\xff"), WIRE_DONE, 5, '\xff',
            OCTETS("")},
        {"no command", OCTETS("\0\0\0\0"), WIRE_BAD, 5, 0, OCTETS("")},
        {"the longest", OCTETS("\0\x11\0\0"), WIRE_MORE, 4 + 0x110000, 0, OCTETS("")},
        {"longer than that", OCTETS("\0\x11\0\1"), WIRE_BAD, 5, 0, OCTETS("")},
        {"a line of SMTP", OCTETS("EHLO x\r\n"), WIRE_BAD, 5, 0, OCTETS("")},
        {"all ones", OCTETS("\xff\xff\xff\xff"), WIRE_BAD, 5, 0, OCTETS("")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct milter_packet packet;
        size_t used;

        print_message("# %s\n", rows[i].what);
        assert_int_equal(
            milter_wire_parse(rows[i].input, &packet, &used), rows[i].result);
        assert_int_equal(used, rows[i].used);
        if (rows[i].result != WIRE_DONE)
            continue;
        assert_int_equal(packet.command, rows[i].command);
        assert_true(span_equal(packet.data, rows[i].data));
    }
}

static void
takes_texts_one_by_one(void **state)
{
    static const char octets[] = "name\0\0value\0rest";
    struct span data = {octets, sizeof(octets) - 1};
    struct span text;

    (void)state;
    assert_true(milter_wire_text(&data, &text) && span_is(text, "name"));
    assert_true(milter_wire_text(&data, &text) && span_is(text, ""));
    assert_true(milter_wire_text(&data, &text) && span_is(text, "value"));
    assert_false(milter_wire_text(&data, &text));
    assert_true(span_is(data, "rest"));
}

static void
reads_offers_with_anything_behind(void **state)
{
    static const struct {
        const char *what;
        struct span data;
        bool good;
    } rows[] = {
        {"an offer", OCTETS("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"), true},
        {"with macros", OCTETS("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff\0\0\0\0j {x}\0"), true},
        {"an octet missing", OCTETS("\0\0\0\6\0\0\1\xff\0\x1f\xff"), false},
        {"nothing", OCTETS(""), false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct milter_offer offer;

        print_message("# %s\n", rows[i].what);
        assert_int_equal(milter_wire_offer(rows[i].data, &offer), rows[i].good);
        if (!rows[i].good)
            continue;
        assert_int_equal(offer.version, 6);
        assert_int_equal(offer.actions, 0x1ff);
        assert_int_equal(offer.steps, 0x1fffff);
    }
}

static void
reads_who_connects(void **state)
{
    static const struct {
        const char *what;
        struct span data;
        bool good;
        enum milter_family family;
        const char *name;
        const char *address;
    } rows[] = {
        {"IPv4",
            OCTETS("a.example\0"
                   "4\x09\xdd"
                   "192.0.2.1\0"),
            true, MILTER_FAMILY_IP4, "a.example", "192.0.2.1"},
        {"IPv6",
            OCTETS("[::1]\0"
                   "6\0\0"
                   "IPv6:::1\0"),
            true, MILTER_FAMILY_IP6, "[::1]", "IPv6:::1"},
        {"what is no address",
            OCTETS("unknown\0"
                   "4\0\0"
                   "unknown\0"),
            true, MILTER_FAMILY_IP4, "unknown", "unknown"},
        {"an empty address",
            OCTETS("x\0"
                   "4\0\0"
                   "\0"),
            true, MILTER_FAMILY_IP4, "x", ""},
        {"a local socket", OCTETS("localhost\0L\0\0/run/x\0"), true, MILTER_FAMILY_LOCAL,
            "localhost", "/run/x"},
        {"no family", OCTETS("localhost\0U"), true, MILTER_FAMILY_UNKNOWN, "localhost",
            ""},
        {"another family",
            OCTETS("x\0"
                   "5\0\0"
                   "192.0.2.1\0"),
            true, MILTER_FAMILY_UNKNOWN, "x", ""},
        {"no name", OCTETS("\0U"), true, MILTER_FAMILY_UNKNOWN, "", ""},
        {"a name alone", OCTETS("x\0"), false, MILTER_FAMILY_UNKNOWN, "", ""},
        {"no end of the name", OCTETS("x"), false, MILTER_FAMILY_UNKNOWN, "", ""},
        {"nothing", OCTETS(""), false, MILTER_FAMILY_UNKNOWN, "", ""},
        {"no port",
            OCTETS("x\0"
                   "4"),
            false, MILTER_FAMILY_UNKNOWN, "", ""},
        {"half a port",
            OCTETS("x\0"
                   "4\0"),
            false, MILTER_FAMILY_UNKNOWN, "", ""},
        {"no address",
            OCTETS("x\0"
                   "4\0\0"),
            false, MILTER_FAMILY_UNKNOWN, "", ""},
        {"no end of it",
            OCTETS("x\0"
                   "4\0\0"
                   "192.0.2.1"),
            false, MILTER_FAMILY_UNKNOWN, "", ""},
        {"something behind",
            OCTETS("x\0"
                   "4\0\0"
                   "192.0.2.1\0x"),
            false, MILTER_FAMILY_UNKNOWN, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct milter_connect connect;

        print_message("# %s\n", rows[i].what);
        assert_int_equal(milter_wire_connect(rows[i].data, &connect), rows[i].good);
        if (!rows[i].good)
            continue;
        assert_int_equal(connect.family, rows[i].family);
        assert_true(span_is(connect.name, rows[i].name));
        assert_true(span_is(connect.address, rows[i].address));
    }
}

static void
writes(struct span wanted)
{
    assert_true(buffer_ok(&out));
    assert_int_equal(out.length, wanted.length);
    assert_memory_equal(out.data, wanted.data, wanted.length);
    buffer_reset(&out);
}

static void
writes_answers_octet_by_octet(void **state)
{
    static const struct milter_offer offer = {6, 0x31, 0x1fd788};

    (void)state;
    milter_wire_write(&out, 'x', SPAN("ab"));
    writes(SPAN("\0\0\0\3xab"));
    milter_wire_write_offer(&out, &offer);
    writes(SPAN("\0\0\0\x0dO\0\0\0\6\0\0\0\x31\0\x1f\xd7\x88"));
    milter_wire_write_answer(&out, MILTER_CONTINUE);
    milter_wire_write_answer(&out, MILTER_SKIP_BODY);
    writes(SPAN("\0\0\0\1c\0\0\0\1s"));
    milter_wire_write_reply(&out, "550", "5.7.1", "no");
    writes(SPAN("\0\0\0\x0ey550 5.7.1 no\0"));
    milter_wire_write_reply(&out, "451", "4.7.1", "%a 100% %");
    writes(SPAN("\0\0\0\x18y451 4.7.1 %%a 100%% %%\0"));
    milter_wire_write_append(&out, "X-A", "b\n c", true);
    writes(SPAN("\0\0\0\x0bhX-A\0 b\n c\0"));
    milter_wire_write_append(&out, "X-A", "b", false);
    writes(SPAN("\0\0\0\7hX-A\0b\0"));
    milter_wire_write_insert(&out, 0, "X-A", "b", true);
    writes(SPAN("\0\0\0\x0ci\0\0\0\0X-A\0 b\0"));
    milter_wire_write_insert(&out, 258, "X-A", "b", false);
    writes(SPAN("\0\0\0\x0bi\0\0\1\2X-A\0b\0"));
    milter_wire_write_delete(&out, 3, "X-A");
    writes(SPAN("\0\0\0\x0am\0\0\0\3X-A\0\0"));
    milter_wire_write_quarantine(&out, "held");
    writes(SPAN("\0\0\0\6qheld\0"));
    buffer_clear(&out);
}

/* What is full stays so, and says it. */
static void
says_when_there_is_no_room(void **state)
{
    struct buffer little = {.ceiling = 8};

    (void)state;
    milter_wire_write_answer(&little, MILTER_CONTINUE);
    assert_true(buffer_ok(&little));
    milter_wire_write_answer(&little, MILTER_CONTINUE);
    assert_false(buffer_ok(&little));
    buffer_clear(&little);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_whole_packets_only),
        cmocka_unit_test(takes_texts_one_by_one),
        cmocka_unit_test(reads_offers_with_anything_behind),
        cmocka_unit_test(reads_who_connects),
        cmocka_unit_test(writes_answers_octet_by_octet),
        cmocka_unit_test(says_when_there_is_no_room),
    };

    return cmocka_run_group_tests_name("milter_wire", tests, NULL, NULL);
}
