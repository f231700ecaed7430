/*
 * What postshift-policyd makes of its configuration, and what a reload can't put in
 * force.
 */
#include "tests/unit/unit.h"

#include "policyd/serve/serve_config.h"
#include "shared/base/attributes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct serve_config *
read_text(const char *text, struct buffer *errors)
{
    char path[] = "/tmp/test_serve_config.XXXXXX";
    int fd = mkstemp(path);
    struct serve_config *config;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    config = serve_config_read(path, true, errors);
    (void)unlink(path);
    return config;
}

static struct serve_config *
read_good(const char *text)
{
    struct buffer errors;
    struct serve_config *config;

    buffer_init(&errors, 65536);
    config = read_text(text, &errors);
    if (config == NULL)
        print_message("# %s\n", buffer_text(&errors));
    assert_non_null(config);
    buffer_clear(&errors);
    return config;
}

static void
an_empty_file_names_no_domain(void **state)
{
    struct serve_config *config = read_good("");

    (void)state;
    assert_int_equal(config->route_rules.domain_count, 0);
    assert_true(config->route_rules.system_recipients_on_old);
    assert_string_equal(config->recipient_delimiter, "+");
    assert_int_equal(config->hold_at, HOLD_AT_QUEUE);
    assert_false(network_list_has(&config->old_networks, SPAN("192.0.2.1")));
    serve_config_free(config);
}

static void
makes_rules_of_what_the_file_says(void **state)
{
    struct serve_config *config =
        read_good("[policyd]\n"
                  "domains = Example.COM b\xc3\xbc"
                  "cher.example\n"
                  "nexthops = 192.0.2.0/24\n"
                  "system_recipients = bucket\n"
                  "backends_old = 192.0.2.0/25 2001:db8::/64\n");

    (void)state;
    assert_int_equal(config->route_rules.domain_count, 2);
    assert_true(route_rules_list(&config->route_rules, SPAN("example.com")));
    assert_true(route_rules_list(&config->route_rules, SPAN("xn--bcher-kva.example")));
    assert_false(route_rules_list(&config->route_rules, SPAN("other.example")));
    assert_false(config->route_rules.system_recipients_on_old);
    assert_true(network_list_has(&config->old_networks, SPAN("192.0.2.127")));
    assert_true(network_list_has(&config->old_networks, SPAN("2001:db8::5")));
    assert_false(network_list_has(&config->old_networks, SPAN("192.0.2.128")));
    assert_false(network_list_has(&config->new_networks, SPAN("192.0.2.127")));
    serve_config_free(config);
}

static void
says_what_is_wrong_with_each_value(void **state)
{
    static const char *const wrong[] = {
        "domains = exa_mple..com",
        "nexthops = 192.0.2.0/33",
        "recipient_delimiter = +++++++++",
        "hold_text = \xff",
        "routing = milter",
        "site = two words",
        "backends_old = 192.0.2",
        "snapshot =",
        "override =",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        char text[256];
        struct buffer errors;

        print_message("# %s\n", wrong[i]);
        buffer_init(&errors, 65536);
        snprintf(text, sizeof(text), "[policyd]\n%s\n", wrong[i]);
        assert_null(read_text(text, &errors));
        assert_non_null(strstr(buffer_text(&errors), ":2: [policyd] "));
        buffer_clear(&errors);
    }
}

static void
tells_what_a_reload_leaves_for_a_restart(void **state)
{
    static const struct {
        const char *text;
        const char *wanted;
        bool same_redis;
    } rows[] = {
        {"", "", true},
        {"[policyd]\ndomains = example.com\nhold_at = smtp\n", "", true},
        {"[redis]\naddress = inet:127.0.0.2:6379\n", "", false},
        {"[policyd]\nroute = unix:/run/other.sock\n", "[policyd] route", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct serve_config *before = read_good("");
        struct serve_config *after = read_good(rows[i].text);
        struct buffer keys;

        print_message("# %s\n", rows[i].text);
        buffer_init(&keys, 4096);
        serve_config_restart_keys(before, after, &keys);
        assert_string_equal(buffer_text(&keys), rows[i].wanted);
        assert_int_equal(serve_config_same_redis(before, after), rows[i].same_redis);
        buffer_clear(&keys);
        serve_config_free(before);
        serve_config_free(after);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_names_no_domain),
        cmocka_unit_test(makes_rules_of_what_the_file_says),
        cmocka_unit_test(says_what_is_wrong_with_each_value),
        cmocka_unit_test(tells_what_a_reload_leaves_for_a_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
