/*
 * The first file of a site.
 */
#include "tests/unit/unit.h"

#include "policyd/terminal/init_text.h"
#include "shared/base/attributes.h"

#define HEAD                                                                             \
    "# postshift.conf - what this site has otherwise than by default, written by "       \
    "`postshiftctl init`.\n"                                                             \
    "# All keys with their defaults: postshift.conf(5).  `postshift-policyd -t` says "   \
    "what is wrong in here.\n"
#define DOMAINS                                                                          \
    "# What is moved; all other mail goes where main.cf says.\n"                         \
    "domains = example.com\n"
#define NEXTHOPS                                                                         \
    "# The hosts that Redis may name: without this, who writes there could send mail "   \
    "anywhere.\n"

static void
writes_what_differs_alone(void **state)
{
    static const struct {
        const char *what;
        struct init_text text;
        const char *wanted;
    } rows[] = {
        {"a new backend on a site as Debian makes it",
            {.domain = "example.com", .routes = {"site", "cutover-new:[192.0.2.20]:25"}},
            HEAD "\n[policyd]\n" DOMAINS NEXTHOPS "nexthops = 192.0.2.20\n"},
        {"two backends, one of them twice, and who carries the domain",
            {.domain = "example.com",
                .routes = {"cutover-old:[192.0.2.10]:25,[192.0.2.20]:25",
                    "cutover-new:[192.0.2.20]:26"},
                .carried = "relay:[192.0.2.10]:25 (relay_domains)"},
            HEAD "\n# Before the move example.com is carried by relay:[192.0.2.10]:25 "
                 "(relay_domains).\n"
                 "\n[policyd]\n" DOMAINS NEXTHOPS "nexthops = 192.0.2.10 192.0.2.20\n"},
        {"a socket, a service of the site",
            {.domain = "example.com",
                .routes = {"relay:[192.0.2.10]:25", "cutover-new-lmtp:unix:/run/lmtp"},
                .transports = {"relay", NULL}},
            HEAD
            "\n[policyd]\n" DOMAINS NEXTHOPS "nexthops = 192.0.2.10 unix:/run/lmtp\n"
            "# The delivery services that Redis may name: the usual ones, and one of "
            "this site's.\n"
            "transports = cutover-old cutover-new cutover-standby cutover-old-lmtp "
            "cutover-new-lmtp cutover-standby-lmtp relay\n"},
        {"all that can be found",
            {.domain = "example.com",
                .routes = {"site", "cutover-new:[127.0.0.1]:2525"},
                .loopback = true,
                .delimiter = "",
                .queue = "/q",
                .postfix = "/etc/postfix-in",
                .log = "/var/log/postfix.log",
                .redis = "unix:/run/redis/redis-server.sock",
                .redis_locked = true,
                .spamd = "inet:127.0.0.1:783"},
            HEAD "\n[redis]\n"
                 "# It listens there, and not at inet:127.0.0.1:6379.\n"
                 "address = unix:/run/redis/redis-server.sock\n"
                 "# It wants a password: put it into this file, whose owner is "
                 "postshift, mode "
                 "0400, and take the # away.\n"
                 "#password_file = /etc/postshift/redis.password\n"
                 "\n[policyd]\n"
                 "# Where Postfix's queue is, a chrooted service of it reaches them.\n"
                 "policy = unix:/q/postshift/policy.sock\n"
                 "route = unix:/q/postshift/route.sock\n" DOMAINS NEXTHOPS
                 "nexthops = 127.0.0.1\n"
                 "# A backend is on this host: mail for it must not come back to this "
                 "Postfix.\n"
                 "allow_loopback = yes\n"
                 "# As recipient_delimiter in main.cf.\n"
                 "recipient_delimiter =\n"
                 "\n[auth]\n"
                 "# Where Postfix's queue is; ListenStream= of the socket's unit says "
                 "the same.\n"
                 "listen = unix:/q/postshift/auth.sock\n"
                 "\n[scan]\n"
                 "# Where Postfix's queue is; ListenStream= of the socket's unit says "
                 "the same.\n"
                 "listen = unix:/q/postshift/scan.sock\n"
                 "# SpamAssassin answers there: each mail gets its score.\n"
                 "spamd = inet:127.0.0.1:783\n"
                 "\n[cutover]\n"
                 "# As maillog_file in main.cf.\n"
                 "log = /var/log/postfix.log\n"
                 "# Not Postfix's usual directory.\n"
                 "postfix = /etc/postfix-in\n"
                 "\n[ctl]\n"
                 "# The same.\n"
                 "postfix = /etc/postfix-in\n"},
        {"a Redis at the usual place that wants a password",
            {.domain = "example.com",
                .routes = {"site", "cutover-new:[192.0.2.20]:25"},
                .redis_locked = true},
            HEAD
            "\n[redis]\n"
            "# It wants a password: put it into this file, whose owner is postshift, "
            "mode 0400, and take the # away.\n"
            "#password_file = /etc/postshift/redis.password\n"
            "\n[policyd]\n" DOMAINS NEXTHOPS "nexthops = 192.0.2.20\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer out;

        print_message("# %s\n", rows[i].what);
        buffer_init(&out, INIT_TEXT_MAX);
        assert_true(init_text_write(&out, &rows[i].text));
        assert_string_equal(buffer_text(&out), rows[i].wanted);
        buffer_clear(&out);
    }
}

/* Texts of main.cf and of Postfix's tables: none begins a line of its own. */
static void
refuses_what_would_be_another_line(void **state)
{
    static const struct init_text rows[] = {
        {.domain = "example.com",
            .routes = {"site", "site"},
            .log = "/var/log/a\nuser = root"},
        {.domain = "example.com",
            .routes = {"site", "site"},
            .carried = "relay:x\nuser = root"},
        {.domain = "example.com", .routes = {"site", "site"}, .postfix = " /etc/postfix"},
        {.domain = "example.com", .routes = {"site", "site"}, .queue = "/q\r"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer out;

        print_message("# row %zu\n", i);
        buffer_init(&out, INIT_TEXT_MAX);
        assert_false(init_text_write(&out, &rows[i]));
        buffer_clear(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_differs_alone),
        cmocka_unit_test(refuses_what_would_be_another_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
