/*
 * Networks and what is in them.
 */
#include "tests/unit/unit.h"

#include "shared/base/attributes.h"
#include "shared/base/network.h"

static void
has_its_addresses_and_no_others(void **state)
{
    static const struct {
        const char *network;
        const char *address;
        bool has;
    } rows[] = {
        {"127.0.0.0/8", "127.0.0.1", true},
        {"127.0.0.0/8", "127.255.255.255", true},
        {"127.0.0.0/8", "128.0.0.0", false},
        {"127.0.0.0/8", "::ffff:127.0.0.1", true},
        {"127.0.0.0/8", "::1", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.64/26", "192.0.2.127", true},
        {"192.0.2.64/26", "192.0.2.128", false},
        {"192.0.2.99/26", "192.0.2.64", true},
        {"192.0.2.0/31", "192.0.2.1", true},
        {"192.0.2.0/31", "192.0.2.2", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "203.0.113.9", true},
        {"2001:db8::/32", "2001:DB8:ffff::", true},
        {"2001:db8::/32", "2001:db9::", false},
        {"[2001:db8::]/32", "2001:db8::1", true},
        {"[::1]", "::1", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"::ffff:10.0.0.0/104", "10.1.2.3", true},
        {"10.0.0.0/8", "10.0.0.1/32", false},
        {"10.0.0.0/8", "", false},
        {"10.0.0.0/8", "10.1", false},
        {"10.0.0.0/8", "unknown", false},
        {"::/0", "[::1]", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct network network;

        print_message("# %s, %s\n", rows[i].network, rows[i].address);
        assert_true(network_parse(span_of(rows[i].network), &network));
        assert_int_equal(network_has(&network, span_of(rows[i].address)), rows[i].has);
    }
}

static void
refuses_what_is_no_network(void **state)
{
    static const char *const rows[] = {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33",
        "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0/8", "10.0.0.0.0", "::/129",
        "010.0.0.1", "example.com", "[::1", "::1]", "[]", "10.0.0.0 /8", "fe80::1%eth0",
        "0x7f.0.0.1", "2130706433"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct network network;

        print_message("# '%s'\n", rows[i]);
        assert_false(network_parse(span_of(rows[i]), &network));
    }
    assert_false(network_parse(SPAN("10.0.0.0\0/8"), &(struct network){.bits = 0}));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_its_addresses_and_no_others),
        cmocka_unit_test(refuses_what_is_no_network),
    };

    return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
