/*
 * Probes of a mail server that is told what to answer: results, certificates, intervals,
 * metrics.
 */
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "policyd/cutover/probe.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "shared/service/metrics.h"
#include "tests/fakes/smtp_server.h"

enum { OFTEN_MS = 50, SELDOM_MS = 3600000 };

struct site {
    struct event_base *base;
    struct smtp_server *server;
    struct smtp_tls *tls;
    struct probe *probe;
    unsigned probes;
    char route[100];
};

static void
done(void *argument, struct probe *probe)
{
    struct site *site = argument;

    assert_ptr_equal(probe, site->probe);
    site->probes++;
    (void)event_base_loopbreak(site->base);
}

static int
open_site(void **state)
{
    static struct site site;
    struct error error;

    (void)signal(SIGPIPE, SIG_IGN);
    memset(&site, 0, sizeof(site));
    site.base = event_base_new();
    site.tls = smtp_tls_new(&error);
    site.server = smtp_server_new(site.base, "127.0.0.1");
    (void)snprintf(site.route, sizeof(site.route), "cutover-new:[127.0.0.1]:%u",
        smtp_server_port(site.server));
    *state = &site;
    return site.tls == NULL;
}

static int
close_site(void **state)
{
    struct site *site = *state;

    probe_free(site->probe);
    smtp_server_free(site->server);
    smtp_tls_free(site->tls);
    /* What libevent puts off. */
    (void)event_base_loop(site->base, EVLOOP_NONBLOCK);
    event_base_free(site->base);
    return 0;
}

static void
new_probe(struct site *site, const char *recipient, uint64_t interval_ms)
{
    const struct probe_options options = {
        .domain = "example.com",
        .side = SIDE_NEW,
        .hello = "gw.example",
        .sender = "",
        .recipient = recipient,
        .interval_ms = interval_ms,
        .tls = site->tls,
        .done = done,
        .argument = site,
    };

    probe_free(site->probe);
    site->probe = probe_new(site->base, &options);
}

static void
wait_for(struct site *site, unsigned probes)
{
    while (site->probes < probes)
        (void)event_base_dispatch(site->base);
}

/* One probe, at once. */
static const struct plan_probe_view *
probe_once(struct site *site)
{
    probe_set_route(site->probe, "");
    probe_set_route(site->probe, site->route);
    wait_for(site, site->probes + 1);
    return probe_view(site->probe);
}

static void
tells_what_came_of_it(void **state)
{
    static const struct {
        const char *what;
        struct smtp_rule rules[2];
        enum plan_probe wanted;
        const char *text;
    } rows[] = {
        {"good", {{NULL, NULL, NULL}}, PLAN_PROBE_GOOD, ""},
        {"does not know the address", {{"RCPT", NULL, "550 5.1.1 no"}}, PLAN_PROBE_BAD,
            "550 5.1.1 no (in reply to rcpt)"},
        {"greylisting", {{"RCPT", NULL, "450 4.2.0 come again"}}, PLAN_PROBE_NONE,
            "450 4.2.0 come again"},
        {"refuses the sender", {{"MAIL", NULL, "550 5.7.1 not you"}}, PLAN_PROBE_BAD,
            "(in reply to mail)"},
        {"421 to RCPT", {{"RCPT", NULL, "421 4.3.2 too busy"}}, PLAN_PROBE_BAD,
            "421 4.3.2 too busy"},
        {"421 for a greeting", {{"connect", NULL, "421 4.3.2 too busy"}}, PLAN_PROBE_BAD,
            "127.0.0.1[127.0.0.1]:"},
        {"closes at once", {{"connect", NULL, SMTP_SERVER_CLOSE}}, PLAN_PROBE_BAD,
            "closed by the server"},
        {"megabytes", {{"connect", NULL, SMTP_SERVER_FLOOD}}, PLAN_PROBE_BAD, "too long"},
    };
    struct site *site = *state;

    new_probe(site, "probe", SELDOM_MS);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct plan_probe_view *view;

        print_message("# %s\n", rows[i].what);
        smtp_server_rules(site->server, rows[i].rules);
        view = probe_once(site);
        assert_true(view->is_asked);
        assert_int_equal(view->result, rows[i].wanted);
        assert_non_null(strstr(view->text, rows[i].text));
        assert_int_equal(view->text[0] == '\0', rows[i].wanted == PLAN_PROBE_GOOD);
        assert_true(
            view->at_ms / 1000 >= time(NULL) - 5 && view->since_ms == view->at_ms);
    }
}

static void
asks_about_addresses_of_its_own_domain(void **state)
{
    static const struct {
        const char *recipient;
        const char *wanted;
    } rows[] = {
        {"", "EHLO gw.example|QUIT|"},
        {"probe", "EHLO gw.example|MAIL FROM:<>|RCPT TO:<probe@example.com>|QUIT|"},
        {"probe@Example.COM",
            "EHLO gw.example|MAIL FROM:<>|RCPT TO:<probe@Example.COM>|QUIT|"},
        {"probe@other.example", "EHLO gw.example|QUIT|"},
    };
    struct site *site = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].recipient);
        new_probe(site, rows[i].recipient, SELDOM_MS);
        smtp_server_forget(site->server);
        assert_int_equal(probe_once(site)->result, PLAN_PROBE_GOOD);
        assert_string_equal(smtp_server_heard(site->server), rows[i].wanted);
    }
}

static void
remembers_that_a_certificate_has_changed(void **state)
{
    struct site *site = *state;
    char first[65];

    new_probe(site, "", SELDOM_MS);
    smtp_server_certify(site->server, "mx.example");
    (void)snprintf(first, sizeof(first), "%s", smtp_server_fingerprint(site->server));
    assert_false(probe_once(site)->is_changed);
    assert_string_equal(probe_fingerprint(site->probe), first);
    probe_expect(site->probe, first);
    assert_false(probe_once(site)->is_changed);
    smtp_server_certify(site->server, "mx.example");
    assert_true(probe_once(site)->is_changed);
    assert_int_equal(probe_view(site->probe)->result, PLAN_PROBE_GOOD);
    /* To say the same again is no acceptance, and neither is another next hop. */
    probe_expect(site->probe, first);
    assert_true(probe_view(site->probe)->is_changed);
    probe_accept(site->probe, smtp_server_fingerprint(site->server));
    assert_false(probe_once(site)->is_changed);
    /* One that is expected and isn't the one seen last. */
    probe_expect(site->probe, first);
    assert_true(probe_view(site->probe)->is_changed);
}

static void
starttls_that_is_gone_is_a_change(void **state)
{
    static const struct smtp_rule stripped[] = {
        {"EHLO", NULL, "250 mx.example"}, {NULL, NULL, NULL}};
    static const struct smtp_rule not_now[] = {
        {"STARTTLS", NULL, "454 4.7.0 not now"}, {NULL, NULL, NULL}};
    static const struct smtp_rule closed[] = {
        {"connect", NULL, SMTP_SERVER_CLOSE}, {NULL, NULL, NULL}};
    struct site *site = *state;

    new_probe(site, "", SELDOM_MS);
    smtp_server_certify(site->server, "mx.example");
    smtp_server_rules(site->server, stripped);
    assert_false(probe_once(site)->is_changed);
    probe_expect(site->probe, smtp_server_fingerprint(site->server));
    smtp_server_rules(site->server, not_now);
    assert_false(probe_once(site)->is_changed);
    smtp_server_rules(site->server, closed);
    assert_false(probe_once(site)->is_changed);
    smtp_server_rules(site->server, stripped);
    assert_true(probe_once(site)->is_changed);
}

static void
asks_each_interval_one_at_a_time(void **state)
{
    static const struct smtp_rule hangs[] = {
        {"EHLO", NULL, SMTP_SERVER_HANG}, {NULL, NULL, NULL}};
    struct site *site = *state;

    new_probe(site, "probe", OFTEN_MS);
    probe_set_route(site->probe, site->route);
    wait_for(site, 5);
    assert_int_equal(smtp_server_most(site->server), 1);
    /* The same route again is no reason to ask. */
    probe_set_route(site->probe, site->route);
    smtp_server_rules(site->server, hangs);
    wait_for(site, site->probes + 1);
    while (probe_view(site->probe)->result != PLAN_PROBE_BAD)
        wait_for(site, site->probes + 1);
    assert_non_null(strstr(probe_view(site->probe)->text, "no answer in time (ehlo)"));
    assert_int_equal(smtp_server_most(site->server), 1);
}

static void
nobody_is_asked_without_a_route(void **state)
{
    struct site *site = *state;

    new_probe(site, "probe", OFTEN_MS);
    assert_false(probe_view(site->probe)->is_asked);
    probe_set_route(site->probe, site->route);
    wait_for(site, 1);
    assert_non_null(probe_last(site->probe));
    probe_set_route(site->probe, "");
    assert_false(probe_view(site->probe)->is_asked);
    assert_null(probe_last(site->probe));
    (void)event_base_loop(site->base, EVLOOP_NONBLOCK);
    assert_int_equal(site->probes, 1);
    /* One that can't be read is told. */
    probe_set_route(site->probe, "cutover-new:nonsense");
    wait_for(site, 2);
    assert_int_equal(probe_view(site->probe)->result, PLAN_PROBE_NONE);
    assert_non_null(strstr(probe_view(site->probe)->text, "[host]:port"));
}

static void
is_measured_by_phase(void **state)
{
    static const struct metrics_family families[] = {
        {"cutover_probe_success", "Whether the last probe was good.", METRICS_GAUGE,
            {"domain", "backend"}, NULL},
        {"cutover_probe_duration_seconds", "How long each part took.", METRICS_GAUGE,
            {"domain", "backend", "phase"}, NULL},
    };
    static const char *const phases[] = {"connect", "banner", "ehlo", "tls", "rcpt"};
    struct metrics *metrics = metrics_new("test", families, ARRAY_LENGTH(families));
    struct site *site = *state;
    struct buffer out;
    char wanted[200];

    new_probe(site, "probe", SELDOM_MS);
    smtp_server_certify(site->server, "mx.example");
    probe_measure(site->probe, metrics);
    (void)probe_once(site);
    probe_measure(site->probe, metrics);
    buffer_init(&out, 1 << 20);
    metrics_write(metrics, &out);
    assert_non_null(strstr(buffer_text(&out),
        "postshift_cutover_probe_success{domain=\"example.com\",backend=\"new\"} 1\n"));
    for (size_t i = 0; i < ARRAY_LENGTH(phases); i++) {
        (void)snprintf(wanted, sizeof(wanted),
            "postshift_cutover_probe_duration_seconds{domain=\"example.com\",backend="
            "\"new\",phase=\"%s\"} ",
            phases[i]);
        assert_non_null(strstr(buffer_text(&out), wanted));
    }
    probe_forget_metrics(site->probe, metrics);
    buffer_reset(&out);
    metrics_write(metrics, &out);
    assert_null(strstr(buffer_text(&out), "cutover_probe_success{"));
    buffer_clear(&out);
    metrics_free(metrics);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tells_what_came_of_it, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            asks_about_addresses_of_its_own_domain, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            remembers_that_a_certificate_has_changed, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            starttls_that_is_gone_is_a_change, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            asks_each_interval_one_at_a_time, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            nobody_is_asked_without_a_route, open_site, close_site),
        cmocka_unit_test_setup_teardown(is_measured_by_phase, open_site, close_site),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
