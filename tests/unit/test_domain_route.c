/*
 * May mail, or a login, go there?
 */
#include "tests/unit/unit.h"

#include "policyd/state/domain_route.h"
#include "shared/base/attributes.h"

#include <stdio.h>
#include <string.h>

struct row {
    const char *route;
    const char *wanted; /* NULL: allowed; else what the error says */
};

static const struct domain_state_rules usual = {0};

static void
check(bool (*ask)(struct span, const struct domain_state_rules *, struct error *),
    const struct domain_state_rules *rules, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct error error = {0};
        bool allowed = ask(span_of(rows[i].route), rules, &error);

        print_message("# %s: %s\n", rows[i].route, error.text);
        assert_int_equal(allowed, rows[i].wanted == NULL);
        if (!allowed)
            assert_non_null(strstr(error.text, rows[i].wanted));
    }
}

static void
takes_hosts_lists_and_sockets(void **state)
{
    static const struct row rows[] = {
        {"cutover-old:[old.example]:25", NULL},
        {"cutover-new:[OLD.Example]:65535", NULL},
        {"cutover-standby:[192.0.2.1]:25", NULL},
        {"cutover-old:[2001:db8::1]:25", NULL},
        {"cutover-old:[ipv6:2001:db8::1]:25", NULL},
        {"cutover-old:[IPv6:2001:DB8::1]:25", NULL},
        {"cutover-old:[a.example]:25,[b.example]:26", NULL},
        {"cutover-old:[a.example]:25 [b.example]:26", NULL},
        {"cutover-old:[a.example]:25 ,  [b.example]:26", NULL},
        {"cutover-old:[host]:25", NULL},
        {"cutover-old:[a_b.example]:25", NULL},
        {"cutover-old:[123.example]:25", NULL},
        {"cutover-new-lmtp:unix:/run/dovecot/lmtp", NULL},
        {"cutover-new-lmtp:unix:private/lmtp", NULL},
        {"cutover-new-lmtp:[new.example]:24", NULL},
        {"cutover-standby-lmtp:[new.example]:24", NULL},
        {"cutover-old-lmtp:[new.example]:24", NULL},
    };

    (void)state;
    check(domain_route_check, &usual, rows, ARRAY_LENGTH(rows));
}

static void
refuses_what_the_grammar_lacks(void **state)
{
    static const struct row rows[] = {
        {"", "transport:nexthop"},
        {"cutover-old", "transport:nexthop"},
        {"cutover-old:", "[host]:port"},
        {":", "transport"},
        {":[a.example]:25", "transport"},
        {"smtp:[a.example]:25", "transports"},
        {"discard:", "transports"},
        {"error:5.1.1 no", "transports"},
        {"retry:4.2.1 later", "transports"},
        {"local:", "transports"},
        {"Cutover-Old:[a.example]:25", "transports"},
        {" cutover-old:[a.example]:25", "transports"},
        {"cutover-old :[a.example]:25", "transports"},
        {"cutover-old: [a.example]:25", "[host]:port"},
        {"cutover-old:[a.example]:25 ", "parted"},
        {"cutover-old:[a.example]:25,", "parted"},
        {"cutover-old:,[a.example]:25", "[host]:port"},
        {"cutover-old:[a.example]:25,,[b.example]:25", "parted"},
        {"cutover-old:[a.example]:25, ,[b.example]:25", "parted"},
        {"cutover-old:[a.example]:25;[b.example]:25", "[host]:port"},
        {"cutover-old:a.example:25", "[host]:port"},
        {"cutover-old:a.example", "[host]:port"},
        {"cutover-old:192.0.2.1:25", "[host]:port"},
        {"cutover-old:[a.example]", "[host]:port"},
        {"cutover-old:[a.example]:", "[host]:port"},
        {"cutover-old:[a.example]:0", "[host]:port"},
        {"cutover-old:[a.example]:65536", "[host]:port"},
        {"cutover-old:[a.example]:025", "[host]:port"},
        {"cutover-old:[a.example]:+25", "[host]:port"},
        {"cutover-old:[a.example]:smtp", "[host]:port"},
        {"cutover-old:[a.example]25", "[host]:port"},
        {"cutover-old:[]:25", "[host]:port"},
        {"cutover-old:[ ]:25", "[host]:port"},
        {"cutover-old:[a.example.]:25", "[host]:port"},
        {"cutover-old:[a..example]:25", "[host]:port"},
        {"cutover-old:[a example]:25", "[host]:port"},
        {"cutover-old:[[a.example]]:25", "[host]:port"},
        {"cutover-old:[192.0.2.0/24]:25", "[host]:port"},
        {"cutover-old:[192.0.2.256]:25", "[host]:port"},
        {"cutover-old:[ipv6:192.0.2.1]:25", "[host]:port"},
        {"cutover-old:[ipv6:a.example]:25", "[host]:port"},
        {"cutover-old:[2001:db8::g]:25", "[host]:port"},
        {"cutover-old:[fe80::1%eth0]:25", "[host]:port"},
        {"cutover-old:[a.example:25]:25", "[host]:port"},
        {"cutover-old:[a.example]:25\n", "printable"},
        {"cutover-old:[a.example]:25\t[b.example]:25", "printable"},
        {"cutover-old:[a.ex\x01mple]:25", "printable"},
        {"cutover-old:[m\xc3\xbcnchen.example]:25", "printable"},
        {"cutover-old:[a.example]:25\x7f", "printable"},
        {"cutover-old:unix:/run/lmtp", "-lmtp"},
        {"cutover-old-lmtp:unix:", "path"},
        {"cutover-old-lmtp:unix:/run/a b", "path"},
        {"cutover-old-lmtp:unix:/run/a,b", "path"},
        {"cutover-old-lmtp:UNIX:/run/a", "[host]:port"},
        {"cutover-old-lmtp:inet:[a.example]:24", "[host]:port"},
    };
    char long_path[200] = "cutover-old-lmtp:unix:";
    struct error error;

    (void)state;
    check(domain_route_check, &usual, rows, ARRAY_LENGTH(rows));
    assert_false(
        domain_route_check(span_make("cutover-old:[a\0b]:25", 20), &usual, &error));
    memset(long_path + 22, 'x', 107);
    assert_true(domain_route_check(span_make(long_path, 129), &usual, &error));
    long_path[129] = 'x';
    assert_false(domain_route_check(span_make(long_path, 130), &usual, &error));
}

static void
counts_the_hosts_of_a_list(void **state)
{
    char route[1024] = "cutover-old:[h0.example]:25";
    struct error error;

    (void)state;
    for (unsigned i = 1; i < 17; i++) {
        assert_true(domain_route_check(span_of(route), &usual, &error));
        (void)snprintf(
            route + strlen(route), sizeof(route) - strlen(route), ",[h%u.example]:25", i);
    }
    assert_false(domain_route_check(span_of(route), &usual, &error));
    assert_non_null(strstr(error.text, "at most 16 hosts"));
}

static const struct row loops[] = {
    {"cutover-old:[127.0.0.1]:25", NULL},
    {"cutover-old:[127.255.0.9]:25", NULL},
    {"cutover-old:[0.0.0.0]:25", NULL},
    {"cutover-old:[0.1.2.3]:25", NULL},
    {"cutover-old:[::1]:25", NULL},
    {"cutover-old:[0:0:0:0:0:0:0:1]:25", NULL},
    {"cutover-old:[ipv6:::1]:25", NULL},
    {"cutover-old:[::]:25", NULL},
    {"cutover-old:[::ffff:127.0.0.1]:25", NULL},
    {"cutover-old:[::ffff:7f00:1]:25", NULL},
    {"cutover-old:[::ffff:0.0.0.0]:25", NULL},
    {"cutover-old:[::127.0.0.1]:25", NULL},
    {"cutover-old:[localhost]:25", NULL},
    {"cutover-old:[LocalHost]:25", NULL},
    {"cutover-old:[a.localhost]:25", NULL},
    {"cutover-old:[localhost.localdomain]:25", NULL},
    {"cutover-old:[ip6-localhost]:25", NULL},
    {"cutover-old:[192.0.2.9]:25", NULL},
    {"cutover-old:[::ffff:192.0.2.9]:25", NULL},
    {"cutover-old:[2001:DB8:0::9]:25", NULL},
    {"cutover-old:[GW.example]:25", NULL},
    {"cutover-old:[a.example]:25,[127.0.0.1]:25", NULL},
};

static void
refuses_what_comes_back_to_us(void **state)
{
    static const char *const own[] = {"192.0.2.9", "2001:db8::9", "gw.example"};
    struct domain_state_rules rules = {.own_addresses = own, .own_address_count = 3};
    struct error error;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(loops); i++) {
        print_message("# %s\n", loops[i].route);
        assert_false(domain_route_check(span_of(loops[i].route), &rules, &error));
        assert_non_null(strstr(error.text, "come back to us"));
    }
    rules.allow_loopback = true;
    check(domain_route_check, &rules, loops, ARRAY_LENGTH(loops));
}

/* inet_aton(3), and so a resolver, takes these for addresses. */
static void
refuses_numbers_in_disguise_even_with_loopback(void **state)
{
    static const struct domain_state_rules rules = {.allow_loopback = true};
    static const struct row rows[] = {
        {"cutover-old:[127.1]:25", "[host]:port"},
        {"cutover-old:[0]:25", "[host]:port"},
        {"cutover-old:[2130706433]:25", "[host]:port"},
        {"cutover-old:[0x7f000001]:25", "[host]:port"},
        {"cutover-old:[0X7F.1]:25", "[host]:port"},
        {"cutover-old:[0x7f.0.0.0x1]:25", "[host]:port"},
        {"cutover-old:[0177.0.0.1]:25", "[host]:port"},
        {"cutover-old:[127.0.0.01]:25", "[host]:port"},
        {"cutover-old:[1.2.3.4.5]:25", "[host]:port"},
        {"cutover-old:[a.1]:25", "[host]:port"},
    };

    (void)state;
    check(domain_route_check, &rules, rows, ARRAY_LENGTH(rows));
}

static void
allows_only_listed_nexthops(void **state)
{
    static const char *const nexthops[] = {"Old.Example", "192.0.2.0/24", "198.51.100.7",
        "2001:db8:1::/48", "[2001:db8:2::]/48", "unix:/run/lmtp", "nonsense/x", ""};
    static const struct domain_state_rules rules = {
        .nexthops = nexthops, .nexthop_count = ARRAY_LENGTH(nexthops)};
    static const struct row rows[] = {
        {"cutover-old:[old.example]:25", NULL},
        {"cutover-old:[OLD.EXAMPLE]:2525", NULL},
        {"cutover-old:[192.0.2.200]:25", NULL},
        {"cutover-old:[::ffff:192.0.2.200]:25", NULL},
        {"cutover-old:[198.51.100.7]:25", NULL},
        {"cutover-old:[2001:db8:1:2::3]:25", NULL},
        {"cutover-old:[ipv6:2001:db8:2::1]:25", NULL},
        {"cutover-old:[old.example]:25 [192.0.2.1]:25", NULL},
        {"cutover-old-lmtp:unix:/run/lmtp", NULL},
        {"cutover-old-lmtp:unix:/run/lmtp2", "nexthops"},
        {"cutover-old:[a.old.example]:25", "nexthops"},
        {"cutover-old:[old.example.net]:25", "nexthops"},
        {"cutover-old:[192.0.3.1]:25", "nexthops"},
        {"cutover-old:[198.51.100.8]:25", "nexthops"},
        {"cutover-old:[2001:db8:3::1]:25", "nexthops"},
        {"cutover-old:[old.example]:25,[192.0.3.1]:25", "nexthops"},
        {"cutover-old:[x]:25", "nexthops"},
    };
    static const char *const any[] = {"any"};
    static const struct domain_state_rules anywhere = {
        .nexthops = any, .nexthop_count = 1};
    struct error error;

    (void)state;
    check(domain_route_check, &rules, rows, ARRAY_LENGTH(rows));
    assert_true(
        domain_route_check(SPAN("cutover-old-lmtp:unix:/run/lmtp2"), &anywhere, &error));
    assert_true(
        domain_route_check(SPAN("cutover-old:[x.example]:25"), &anywhere, &error));
}

static void
knows_the_files_transports(void **state)
{
    static const char *const transports[] = {"relay-a", "relay-lmtp"};
    static const struct domain_state_rules rules = {
        .transports = transports, .transport_count = 2};
    static const struct row rows[] = {
        {"relay-a:[a.example]:25", NULL},
        {"relay-lmtp:unix:/run/x", NULL},
        {"relay-a:unix:/run/x", "-lmtp"},
        {"cutover-old:[a.example]:25", "transports"},
        {"relay:[a.example]:25", "transports"},
        {"relay-ab:[a.example]:25", "transports"},
    };

    (void)state;
    check(domain_route_check, &rules, rows, ARRAY_LENGTH(rows));
}

static void
checks_where_logins_go(void **state)
{
    static const char *const nexthops[] = {"imap.example", "192.0.2.0/24", "::1"};
    static const struct domain_state_rules listed = {
        .nexthops = nexthops, .nexthop_count = ARRAY_LENGTH(nexthops)};
    static const struct row free_rows[] = {
        {"imap.example:143", NULL},
        {"192.0.2.1:993", NULL},
        {"127.0.0.1:143", NULL},
        {"[::1]:143", NULL},
        {"[2001:db8::1]:143", NULL},
        {"imap.example", NULL},
        {"192.0.2.1", NULL},
        {"[::1]", NULL},
        {"", "host:port"},
        {"::1", "host:port"},
        {"[::1]x", "host:port"},
        {"[]:143", "host:port"},
        {"[::1", "host:port"},
        {"imap.example:", "host:port"},
        {":143", "host:port"},
        {"imap.example:0", "host:port"},
        {"imap.example:65536", "host:port"},
        {"imap.example:imap", "host:port"},
        {"::1:143", "host:port"},
        {"[::1:143", "host:port"},
        {"::1]:143", "host:port"},
        {"[imap.example]:143", "host:port"},
        {"[192.0.2.1]:143", "host:port"},
        {"[[::1]]:143", "host:port"},
        {"127.1:143", "host:port"},
        {"imap example:143", "host:port"},
        {"imap.example\n:143", "host:port"},
        {"a:b:143", "host:port"},
        {"m\xc3\xbcnchen:143", "host:port"},
    };
    static const struct row listed_rows[] = {
        {"IMAP.example:143", NULL},
        {"192.0.2.77:143", NULL},
        {"[::1]:143", NULL},
        {"evil.example:143", "nexthops"},
        {"198.51.100.1:143", "nexthops"},
        {"[2001:db8::1]:143", "nexthops"},
    };

    (void)state;
    check(domain_route_check_login, &usual, free_rows, ARRAY_LENGTH(free_rows));
    check(domain_route_check_login, &listed, listed_rows, ARRAY_LENGTH(listed_rows));
}

static void
tells_what_can_stand_in_nexthops(void **state)
{
    static const char *const good[] = {"any", "old.example", "192.0.2.1", "192.0.2.0/24",
        "2001:db8::/32", "[2001:db8::]/32", "::1", "unix:/run/lmtp"};
    static const char *const bad[] = {"", "192.0.2.0/33", "192.0.2", "old.example:25",
        "old.example.", "*.example", "a b", "m\xc3\xbcnchen.example", "unix:", "0x7f.1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
        assert_true(domain_route_is_nexthop(span_of(good[i])));
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_false(domain_route_is_nexthop(span_of(bad[i])));
}

static void
reads_what_a_route_names(void **state)
{
    static const struct {
        const char *text;
        const char *wanted; /* transport, lmtp?, host:port ... or the path; "": none */
    } rows[] = {
        {"cutover-new:[mx.example]:25", "cutover-new smtp mx.example:25"},
        {"cutover-new:[mx.example]:25, [192.0.2.1]:2525 [ipv6:2001:db8::1]:24",
            "cutover-new smtp mx.example:25 192.0.2.1:2525 2001:db8::1:24"},
        {"cutover-new-lmtp:[mx.example]:24", "cutover-new-lmtp lmtp mx.example:24"},
        {"lmtp:[mx.example]:24", "lmtp lmtp mx.example:24"},
        {"cutover-old-lmtp:unix:/run/lmtp", "cutover-old-lmtp lmtp /run/lmtp"},
        {"anything:[127.0.0.1]:25", "anything smtp 127.0.0.1:25"},
        {"site", ""},
        {"cutover-new:mx.example:25", ""},
        {"cutover-new:unix:/run/lmtp", ""},
        {"cutover-new:[mx.example]:25\r\n", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct domain_route route;
        struct error error = {.text = ""};
        char found[300] = "";

        print_message("# %s\n", rows[i].text);
        if (domain_route_read(span_of(rows[i].text), &route, &error)) {
            int length = snprintf(found, sizeof(found), "%.*s %s%s%.*s",
                (int)route.transport.length, route.transport.data,
                route.is_lmtp ? "lmtp" : "smtp", route.socket.length > 0 ? " " : "",
                (int)route.socket.length,
                route.socket.length > 0 ? route.socket.data : "");

            for (size_t j = 0; j < route.count; j++)
                length += snprintf(found + length, sizeof(found) - (size_t)length,
                    " %.*s:%u", (int)route.hosts[j].host.length, route.hosts[j].host.data,
                    route.hosts[j].port);
        } else {
            assert_true(error.text[0] != '\0');
        }
        assert_string_equal(found, rows[i].wanted);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_hosts_lists_and_sockets),
        cmocka_unit_test(refuses_what_the_grammar_lacks),
        cmocka_unit_test(counts_the_hosts_of_a_list),
        cmocka_unit_test(refuses_what_comes_back_to_us),
        cmocka_unit_test(refuses_numbers_in_disguise_even_with_loopback),
        cmocka_unit_test(allows_only_listed_nexthops),
        cmocka_unit_test(knows_the_files_transports),
        cmocka_unit_test(checks_where_logins_go),
        cmocka_unit_test(tells_what_can_stand_in_nexthops),
        cmocka_unit_test(reads_what_a_route_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
