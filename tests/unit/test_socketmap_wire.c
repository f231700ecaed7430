/*
 * Postfix's socketmap protocol: requests whole, half and malformed, answers.
 */
#include "tests/unit/unit.h"

#include "policyd/wire/socketmap_wire.h"

#include <string.h>

static void
reads_whole_half_and_bad_requests(void **state)
{
    static const struct {
        const char *what;
        struct span input;
        enum wire_result wanted;
        const char *name;
        const char *key;
        size_t used;
    } rows[] = {
        {"a look-up", {"19:transport a@b.example,", 25}, WIRE_BAD, "", "", 0},
        {"its true length", {"21:transport a@b.example,", 25}, WIRE_DONE, "transport",
            "a@b.example", 25},
        {"a second one behind it", {"3:m k,3:n l,", 12}, WIRE_DONE, "m", "k", 6},
        {"a key with blanks", {"9:m \"a b\"@c,", 12}, WIRE_DONE, "m", "\"a b\"@c", 12},
        {"an empty key", {"2:m ,", 5}, WIRE_DONE, "m", "", 5},
        {"an empty name", {"2: k,", 5}, WIRE_DONE, "", "k", 5},
        {"commas in it", {"5:m a,b,", 8}, WIRE_DONE, "m", "a,b", 8},
        {"nothing yet", {"", 0}, WIRE_MORE, "", "", 0},
        {"half a length", {"2", 1}, WIRE_MORE, "", "", 0},
        {"a zero may still be a length", {"0", 1}, WIRE_MORE, "", "", 0},
        {"the whole length", {"21", 2}, WIRE_MORE, "", "", 0},
        {"no body yet", {"21:", 3}, WIRE_MORE, "", "", 0},
        {"half a body", {"21:transp", 9}, WIRE_MORE, "", "", 0},
        {"all but the comma", {"3:m k", 5}, WIRE_MORE, "", "", 0},
        {"the largest, begun", {"100000:m", 8}, WIRE_MORE, "", "", 0},
        {"one above", {"100001", 6}, WIRE_BAD, "", "", 0},
        {"a digit more", {"1000000", 7}, WIRE_BAD, "", "", 0},
        {"a leading zero", {"03:m k,", 7}, WIRE_BAD, "", "", 0},
        {"no length", {":m k,", 5}, WIRE_BAD, "", "", 0},
        {"a sign", {"+3:m k,", 7}, WIRE_BAD, "", "", 0},
        {"a blank first", {" 3:m k,", 7}, WIRE_BAD, "", "", 0},
        {"no digit", {"x", 1}, WIRE_BAD, "", "", 0},
        {"no colon", {"3;m k,", 6}, WIRE_BAD, "", "", 0},
        {"no comma", {"3:m k;", 6}, WIRE_BAD, "", "", 0},
        {"no blank", {"3:m.k,", 6}, WIRE_BAD, "", "", 0},
        {"an empty netstring", {"0:,", 3}, WIRE_BAD, "", "", 0},
        {"another protocol", {"GET / HTTP/1.0\r\n", 16}, WIRE_BAD, "", "", 0},
        {"line ends", {"\n", 1}, WIRE_BAD, "", "", 0},
        {"a NUL in the key", {"4:m k\0,", 7}, WIRE_DONE, "m", NULL, 7},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct socketmap_request request = {{NULL, 0}, {NULL, 0}};
        struct error error = {0};
        size_t used = 0;

        print_message("# %s\n", rows[i].what);
        assert_int_equal(
            socketmap_wire_parse(rows[i].input, &request, &used, &error), rows[i].wanted);
        assert_int_equal(used, rows[i].used);
        assert_int_equal(
            error.kind, rows[i].wanted == WIRE_BAD ? ERROR_PERMANENT : ERROR_NONE);
        if (rows[i].wanted != WIRE_DONE)
            continue;
        assert_true(span_is(request.name, rows[i].name));
        assert_true(rows[i].key == NULL || span_is(request.key, rows[i].key));
    }
}

static void
takes_a_request_as_large_as_postfix_sends(void **state)
{
    static char input[SOCKETMAP_REQUEST_MAX + 8];
    struct socketmap_request request;
    struct error error = {0};
    size_t used = 0;

    (void)state;
    memset(input, 'a', sizeof(input));
    memcpy(input, "100000:m ", 9);
    input[sizeof(input) - 1] = ',';
    assert_int_equal(
        socketmap_wire_parse(span_make(input, sizeof(input)), &request, &used, &error),
        WIRE_DONE);
    assert_int_equal(request.key.length, SOCKETMAP_REQUEST_MAX - 2);
    assert_int_equal(used, sizeof(input));
    assert_int_equal(socketmap_wire_parse(
                         span_make(input, sizeof(input) - 1), &request, &used, &error),
        WIRE_MORE);
}

static void
writes_netstrings(void **state)
{
    struct buffer out;

    (void)state;
    buffer_init(&out, 4096);
    socketmap_wire_write(&out, SPAN("NOTFOUND"), SPAN(""), SPAN(""));
    socketmap_wire_write(&out, SPAN("OK"), SPAN("retry:4.2.1 "), SPAN("being moved"));
    assert_string_equal(buffer_text(&out), "9:NOTFOUND ,26:OK retry:4.2.1 being moved,");
    buffer_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_whole_half_and_bad_requests),
        cmocka_unit_test(takes_a_request_as_large_as_postfix_sends),
        cmocka_unit_test(writes_netstrings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
