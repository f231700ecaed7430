/*
 * Where to listen, in all the ways it is written.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/service/socket_address.h"

#include <string.h>

static void
reads_and_writes_each_form(void **state)
{
    static const struct {
        const char *text;
        const char *written;
    } rows[] = {
        {"unix:/run/x.sock", "unix:/run/x.sock"},
        {"local:/run/x.sock", "unix:/run/x.sock"},
        {"unix:/a b", "unix:/a b"},
        {"inet:127.0.0.1:8791", "inet:127.0.0.1:8791"},
        {"inet:8791@127.0.0.1", "inet:127.0.0.1:8791"},
        {"inet:localhost:1", "inet:localhost:1"},
        {"inet:65535@mx.example", "inet:mx.example:65535"},
        {"inet:[::1]:8791", "inet:[::1]:8791"},
        {"inet:8791@::1", "inet:[::1]:8791"},
        {"inet:8791@[::1]", "inet:[::1]:8791"},
        {"inet6:8791@::1", "inet:[::1]:8791"},
        {"inet6:[2001:db8::1]:1", "inet:[2001:db8::1]:1"},
        {"inet:*:25", "inet:*:25"},
        {"inet::25", "inet:*:25"},
        {"inet:25@", "inet:*:25"},
        {"inet:[127.0.0.1]:25", "inet:127.0.0.1:25"},
        {"none", "none"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct socket_address address;
        struct socket_address again;
        struct error error = {.text = ""};
        char out[300];

        print_message("# %s %s\n", rows[i].text, error.text);
        assert_true(socket_address_parse(span_of(rows[i].text), &address, &error));
        socket_address_write(&address, out);
        assert_string_equal(out, rows[i].written);
        assert_true(socket_address_parse(span_of(out), &again, &error));
        assert_memory_equal(&address, &again, sizeof(address));
    }
}

static void
refuses_what_is_none_of_them(void **state)
{
    static const char *const rows[] = {"", "unix:", "unix:run/x", "local:x", "/run/x",
        "unix:/run/\x1b", "inet:", "inet:25", "inet:localhost",
        "inet:localhost:", "inet:localhost:0", "inet:localhost:65536",
        "inet:localhost:025", "inet:localhost:-1", "inet:localhost:smtp", "inet:::1:25",
        "inet:[::1]", "inet:[::1:25", "inet:[localhost]:25", "inet:a b:25",
        "inet:300.1.1.1:25", "inet:1.2.3:25", "inet:a..b:25", "inet:25@a@b",
        "inet:@localhost", "NONE", "none ", "INET:localhost:25", "tcp:localhost:25",
        "inet:\xff:25"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct socket_address address;
        struct error error = {.text = ""};

        print_message("# '%s'\n", rows[i]);
        assert_false(socket_address_parse(span_of(rows[i]), &address, &error));
        assert_true(error.text[0] != '\0');
        assert_int_equal(address.kind, SOCKET_NONE);
    }
}

static void
knows_how_long_a_path_may_be(void **state)
{
    char text[200] = "unix:/";
    struct socket_address address;
    struct error error;

    (void)state;
    memset(text + 6, 'x', sizeof(text) - 6);
    assert_true(socket_address_parse(span_make(text, 5 + 107), &address, &error));
    assert_int_equal(strlen(address.path), 107);
    assert_false(socket_address_parse(span_make(text, 5 + 108), &address, &error));
    assert_false(socket_address_parse(SPAN("unix:/a\0b"), &address, &error));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_each_form),
        cmocka_unit_test(refuses_what_is_none_of_them),
        cmocka_unit_test(knows_how_long_a_path_may_be),
    };

    return cmocka_run_group_tests_name("socket_address", tests, NULL, NULL);
}
