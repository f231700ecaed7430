/*
 * Who is talking: addresses in one form, verified names alone, and who is local.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "milters/protocol/milter_client.h"
#include "shared/base/attributes.h"

static void
tells_who_it_is(void **state)
{
    static const struct {
        const char *what;
        const char *given_name;
        enum milter_family family;
        const char *given_address;
        const char *name;
        const char *address;
        bool local;
    } rows[] = {
        {"IPv4", "a.example", MILTER_FAMILY_IP4, "192.0.2.1", "a.example", "192.0.2.1",
            false},
        {"not verified", "[192.0.2.1]", MILTER_FAMILY_IP4, "192.0.2.1", "", "192.0.2.1",
            false},
        {"IPv6", "a.example", MILTER_FAMILY_IP6, "2001:DB8:0::0001", "a.example",
            "2001:db8::1", false},
        {"as Sendmail writes it", "a.example", MILTER_FAMILY_IP6, "IPv6:2001:db8::1",
            "a.example", "2001:db8::1", false},
        {"in another case", "a.example", MILTER_FAMILY_IP6, "ipv6:2001:db8::1",
            "a.example", "2001:db8::1", false},
        {"IPv4 in IPv6", "a.example", MILTER_FAMILY_IP6, "::ffff:192.0.2.1", "a.example",
            "192.0.2.1", false},
        {"the same in hexadecimal", "a.example", MILTER_FAMILY_IP6,
            "IPv6:::FFFF:c000:201", "a.example", "192.0.2.1", false},
        {"this host", "localhost", MILTER_FAMILY_IP4, "127.0.0.1", "localhost",
            "127.0.0.1", false},
        {"unknown to a proxy", "unknown", MILTER_FAMILY_IP4, "unknown", "", "", false},
        {"a proxy's own name on it", "localhost", MILTER_FAMILY_IP4, "unknown",
            "localhost", "", false},
        {"the same over IPv6", "localhost", MILTER_FAMILY_IP6, "unknown", "localhost", "",
            false},
        {"a zone", "a.example", MILTER_FAMILY_IP6, "fe80::1%eth0", "a.example", "",
            false},
        {"the prefix on IPv4", "a.example", MILTER_FAMILY_IP4, "IPv6:192.0.2.1",
            "a.example", "", false},
        {"short forms", "a.example", MILTER_FAMILY_IP4, "127.1", "a.example", "", false},
        {"octal", "a.example", MILTER_FAMILY_IP4, "0300.0.2.1", "a.example", "", false},
        {"a blank behind", "a.example", MILTER_FAMILY_IP4, "192.0.2.1 ", "a.example", "",
            false},
        {"a family that does not fit", "a.example", MILTER_FAMILY_IP4, "2001:db8::1",
            "a.example", "", false},
        {"an empty one", "a.example", MILTER_FAMILY_IP4, "", "a.example", "", false},
        {"longer than any", "a.example", MILTER_FAMILY_IP6,
            "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001",
            "a.example", "", false},
        {"a local socket", "localhost", MILTER_FAMILY_LOCAL, "/run/x", "localhost", "",
            true},
        {"no family, but local", "localhost", MILTER_FAMILY_UNKNOWN, "", "localhost", "",
            true},
        {"no family", "unknown", MILTER_FAMILY_UNKNOWN, "", "", "", false},
        {"nothing at all", "", MILTER_FAMILY_UNKNOWN, "", "", "", false},
        {"a name that begins so", "localhost.evil.example", MILTER_FAMILY_UNKNOWN, "",
            "localhost.evil.example", "", false},
        {"a name in brackets", "[localhost]", MILTER_FAMILY_UNKNOWN, "", "", "", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct milter_client client = {
            .address = "198.51.100.1", .helo = "old", .local = true};
        const struct milter_connect connect = {
            span_of(rows[i].given_name), rows[i].family, span_of(rows[i].given_address)};

        print_message("# %s\n", rows[i].what);
        milter_client_connect(&client, &connect);
        assert_string_equal(client.name, rows[i].name);
        assert_string_equal(client.address, rows[i].address);
        assert_string_equal(client.helo, "");
        assert_int_equal(client.local, rows[i].local);
    }
}

static void
cuts_what_is_too_long(void **state)
{
    char text[300] = {0};
    struct milter_client client;
    struct milter_connect connect = {
        span_make(text, sizeof(text)), MILTER_FAMILY_UNKNOWN, SPAN("")};

    (void)state;
    memset(text, 'x', sizeof(text));
    milter_client_connect(&client, &connect);
    assert_int_equal(strlen(client.name), sizeof(client.name) - 1);
    milter_client_helo(&client, span_make(text, sizeof(text)));
    assert_int_equal(strlen(client.helo), sizeof(client.helo) - 1);
    milter_client_helo(&client, SPAN("short"));
    assert_string_equal(client.helo, "short");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_who_it_is),
        cmocka_unit_test(cuts_what_is_too_long),
    };

    return cmocka_run_group_tests_name("milter_client", tests, NULL, NULL);
}
