/*
 * The guard's questions, asked of two mail servers that are told what to answer.
 */
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "policyd/cutover/callout.h"
#include "shared/base/attributes.h"
#include "shared/service/clock.h"
#include "tests/fakes/smtp_server.h"

#define RELAY                                                                            \
    "host mx[192.0.2.1] said: 554 5.7.1 Unable to relay (in reply to RCPT TO command)"
#define UNKNOWN                                                                          \
    "host mx[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO command)"

enum { NAMES_MAX = 4096, MINUTE_MS = 60000 };

struct site {
    struct event_base *base;
    struct smtp_server *sides[GUARD_SIDES];
    struct smtp_tls *tls;
    struct callout *callout;
    unsigned findings[GUARD_TOO_MANY + 1];
    char names[NAMES_MAX]; /* recipients of all findings */
    bool free_when_found;
    unsigned wanted; /* findings before the loop is left */
};

/* The callout's clock runs ahead by so much. */
static uint64_t ahead_ms;
uint64_t __real_clock_now_ms(void);
uint64_t __wrap_clock_now_ms(void);

uint64_t
__wrap_clock_now_ms(void)
{
    return __real_clock_now_ms() + ahead_ms;
}

static unsigned
all_findings(const struct site *site)
{
    unsigned count = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(site->findings); i++)
        count += site->findings[i];
    return count;
}

static void
found(void *argument, const struct guard_finding *finding)
{
    struct site *site = argument;

    site->findings[finding->verdict]++;
    (void)strncat(
        site->names, finding->recipient, sizeof(site->names) - strlen(site->names) - 2);
    (void)strcat(site->names, " ");
    assert_true(finding->why[0] != '\0');
    if (site->free_when_found) {
        callout_free(site->callout);
        site->callout = NULL;
    }
    if (all_findings(site) >= site->wanted)
        (void)event_base_loopbreak(site->base);
}

static int
open_site(void **state)
{
    static struct site site;
    struct callout_options options = {
        .hello = "gw.example",
        .key = {1, 2},
        .rules = {.old_can_be_asked = true,
            .old_is_final = true,
            .max_misprovisioned = 100},
        .found = found,
        .argument = &site,
    };
    struct error error;
    char route[100];

    (void)signal(SIGPIPE, SIG_IGN);
    memset(&site, 0, sizeof(site));
    ahead_ms = 0;
    site.base = event_base_new();
    site.tls = smtp_tls_new(&error);
    options.tls = site.tls;
    site.callout = callout_new(site.base, &options);
    for (size_t i = 0; i < GUARD_SIDES; i++) {
        site.sides[i] = smtp_server_new(site.base, "127.0.0.1");
        (void)snprintf(route, sizeof(route), "cutover-x:[127.0.0.1]:%u",
            smtp_server_port(site.sides[i]));
        callout_set_route(site.callout, (enum guard_side)i, route);
    }
    *state = &site;
    return site.tls == NULL;
}

static int
close_site(void **state)
{
    struct site *site = *state;

    callout_free(site->callout);
    for (size_t i = 0; i < GUARD_SIDES; i++)
        smtp_server_free(site->sides[i]);
    smtp_tls_free(site->tls);
    /* What libevent puts off. */
    (void)event_base_loop(site->base, EVLOOP_NONBLOCK);
    event_base_free(site->base);
    return 0;
}

static void
refuse(struct site *site, const char *recipient, const char *reply)
{
    callout_refused(
        site->callout, span_of(recipient), span_of(recipient), span_of(reply));
}

static struct guard_counts
counts_of(const struct site *site)
{
    struct guard_counts counts;

    callout_counts(site->callout, &counts);
    return counts;
}

/* Until nobody waits, or is held back alone. */
static void
run_until_waiting(struct site *site, size_t waiting, uint64_t asked)
{
    while (counts_of(site).waiting > waiting || counts_of(site).asked < asked)
        (void)event_base_loop(site->base, EVLOOP_ONCE);
}

static void
run_until_found(struct site *site, unsigned findings)
{
    site->wanted = findings;
    while (all_findings(site) < findings)
        (void)event_base_loop(site->base, EVLOOP_ONCE);
}

static void
new_is_asked_from_nobody_then_old(void **state)
{
    static const struct smtp_rule new_rules[] = {
        {"RCPT", "good@", "250 ok"}, {"RCPT", NULL, "550 5.1.1 no"}, {NULL, NULL, NULL}};
    static const struct smtp_rule old_rules[] = {{"RCPT", "nobody@", "550 5.1.1 no"},
        {"RCPT", "grey@", "450 4.2.0 later"}, {NULL, NULL, NULL}};
    struct site *site = *state;

    smtp_server_rules(site->sides[GUARD_ASK_NEW], new_rules);
    smtp_server_rules(site->sides[GUARD_ASK_OLD], old_rules);
    refuse(site, "good@example.com", "550 5.7.1 your sender is on a list");
    refuse(site, "nobody@example.com", UNKNOWN);
    refuse(site, "grey@example.com", UNKNOWN);
    refuse(site, "lost@example.com", UNKNOWN);
    run_until_waiting(site, 1, 7);
    assert_string_equal(smtp_server_heard(site->sides[GUARD_ASK_NEW]),
        "EHLO gw.example|MAIL FROM:<>|RCPT TO:<good@example.com>|QUIT|"
        "EHLO gw.example|MAIL FROM:<>|RCPT TO:<nobody@example.com>|QUIT|"
        "EHLO gw.example|MAIL FROM:<>|RCPT TO:<grey@example.com>|QUIT|"
        "EHLO gw.example|MAIL FROM:<>|RCPT TO:<lost@example.com>|QUIT|");
    assert_null(strstr(smtp_server_heard(site->sides[GUARD_ASK_OLD]), "good@"));
    run_until_found(site, 1);
    assert_int_equal(site->findings[GUARD_PIN_UNKNOWN], 1);
    assert_int_equal(site->findings[GUARD_PIN], 0);
    assert_int_equal(counts_of(site).sender_refused, 1);
    /* A minute later whom old alone knows is pinned. */
    ahead_ms = MINUTE_MS;
    refuse(site, "good2@example.com", UNKNOWN);
    run_until_found(site, 2);
    assert_int_equal(site->findings[GUARD_PIN], 1);
    assert_string_equal(site->names, "nobody@example.com lost@example.com ");
    for (size_t i = 0; i < GUARD_SIDES; i++)
        assert_int_equal(smtp_server_most(site->sides[i]), 1);
}

static void
new_that_refuses_us_is_found_with_twenty_callouts(void **state)
{
    static const struct smtp_rule rules[] = {
        {"RCPT", NULL, "554 5.7.1 Unable to relay"}, {NULL, NULL, NULL}};
    struct site *site = *state;
    char recipient[50];
    uint64_t start_ms = clock_now_ms();

    smtp_server_rules(site->sides[GUARD_ASK_NEW], rules);
    for (int i = 0; i < 60; i++) {
        (void)snprintf(recipient, sizeof(recipient), "user%d@example.com", i);
        refuse(site, recipient, RELAY);
    }
    run_until_found(site, 1);
    assert_int_equal(site->findings[GUARD_REFUSED_US], 1);
    /* Not faster than five a second. */
    assert_true(clock_now_ms() - start_ms >= 3000);
    refuse(site, "another@example.com", UNKNOWN);
    run_until_waiting(site, 0, 0);
    assert_int_equal(counts_of(site).asked, 20);
    assert_int_equal(smtp_server_connections(site->sides[GUARD_ASK_NEW]) +
                         smtp_server_connections(site->sides[GUARD_ASK_OLD]),
        20);
    assert_true(counts_of(site).is_frozen);
}

static void
who_does_not_behave_teaches_nothing(void **state)
{
    static const struct {
        const char *what;
        enum guard_side side;
        struct smtp_rule rules[2];
    } rows[] = {
        {"new hangs up", GUARD_ASK_NEW, {{"connect", NULL, SMTP_SERVER_CLOSE}}},
        {"new floods", GUARD_ASK_NEW, {{"connect", NULL, SMTP_SERVER_FLOOD}}},
        {"new refuses the null sender", GUARD_ASK_NEW,
            {{"MAIL", NULL, "550 5.7.1 no null sender"}}},
        {"new is busy", GUARD_ASK_NEW, {{"RCPT", NULL, "421 4.3.2 busy"}}},
        {"old is greylisting", GUARD_ASK_OLD, {{"RCPT", NULL, "450 4.2.0 later"}}},
        {"old refuses the null sender", GUARD_ASK_OLD,
            {{"MAIL", NULL, "550 5.7.1 no null sender"}}},
        {"old hangs up at RCPT", GUARD_ASK_OLD, {{"RCPT", NULL, SMTP_SERVER_CLOSE}}},
        {"old floods at RCPT", GUARD_ASK_OLD, {{"RCPT", NULL, SMTP_SERVER_FLOOD}}},
    };
    static const struct smtp_rule refuses[] = {
        {"RCPT", NULL, "550 5.1.1 no"}, {NULL, NULL, NULL}};
    struct site *site = *state;
    char recipient[50];

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].what);
        smtp_server_rules(site->sides[GUARD_ASK_NEW], refuses);
        smtp_server_rules(site->sides[rows[i].side], rows[i].rules);
        (void)snprintf(recipient, sizeof(recipient), "user%zu@example.com", i);
        refuse(site, recipient, UNKNOWN);
        run_until_waiting(site, 0, 0);
        assert_int_equal(counts_of(site).silent, i + 1);
        assert_int_equal(all_findings(site), 0);
    }
}

static void
a_server_that_hangs_holds_nobody_up_for_ever(void **state)
{
    static const struct smtp_rule hangs[] = {
        {"RCPT", NULL, SMTP_SERVER_HANG}, {NULL, NULL, NULL}};
    struct site *site = *state;
    struct callout_options options = {.hello = "gw.example",
        .rules = {.old_can_be_asked = true},
        .timeout_ms = 200,
        .found = found,
        .argument = site};
    char route[100];

    callout_free(site->callout);
    site->callout = callout_new(site->base, &options);
    (void)snprintf(route, sizeof(route), "cutover-x:[127.0.0.1]:%u",
        smtp_server_port(site->sides[GUARD_ASK_NEW]));
    callout_set_route(site->callout, GUARD_ASK_NEW, route);
    smtp_server_rules(site->sides[GUARD_ASK_NEW], hangs);
    refuse(site, "a@example.com", UNKNOWN);
    refuse(site, "b@example.com", UNKNOWN);
    run_until_waiting(site, 0, 0);
    assert_int_equal(counts_of(site).silent, 2);
    assert_int_equal(smtp_server_most(site->sides[GUARD_ASK_NEW]), 1);
}

static void
without_a_route_or_while_stopped_nobody_is_asked(void **state)
{
    struct site *site = *state;

    callout_set_route(site->callout, GUARD_ASK_NEW, "");
    refuse(site, "a@example.com", UNKNOWN);
    run_until_waiting(site, 0, 0);
    assert_int_equal(counts_of(site).silent, 1);
    callout_set_stopped(site->callout, true);
    refuse(site, "b@example.com", UNKNOWN);
    assert_int_equal(counts_of(site).waiting, 0);
    callout_set_stopped(site->callout, false);
    callout_restart(site->callout);
    refuse(site, "b@example.com", UNKNOWN);
    assert_int_equal(counts_of(site).waiting, 1);
    assert_int_equal(smtp_server_connections(site->sides[GUARD_ASK_NEW]), 0);
}

static void
may_be_freed_by_whom_it_tells(void **state)
{
    static const struct smtp_rule refuses[] = {
        {"RCPT", NULL, "550 5.1.1 no"}, {NULL, NULL, NULL}};
    struct site *site = *state;

    for (size_t i = 0; i < GUARD_SIDES; i++)
        smtp_server_rules(site->sides[i], refuses);
    refuse(site, "a@example.com", UNKNOWN);
    refuse(site, "b@example.com", UNKNOWN);
    site->free_when_found = true;
    run_until_found(site, 1);
    assert_null(site->callout);
    assert_int_equal(all_findings(site), 1);
    /* What was under way is given up. */
    (void)event_base_loop(site->base, EVLOOP_NONBLOCK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            new_is_asked_from_nobody_then_old, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            new_that_refuses_us_is_found_with_twenty_callouts, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            who_does_not_behave_teaches_nothing, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            a_server_that_hangs_holds_nobody_up_for_ever, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            without_a_route_or_while_stopped_nobody_is_asked, open_site, close_site),
        cmocka_unit_test_setup_teardown(
            may_be_freed_by_whom_it_tells, open_site, close_site),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
