#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policyd/routing/login_decide.h"
#include "shared/base/attributes.h"

static void
a_key_is_a_protocol_and_a_user(void **state)
{
    static const struct {
        const char *key;
        enum domain_login protocol;
        const char *user;
    } rows[] = {
        {"a@example.com", DOMAIN_LOGIN_IMAP, "a@example.com"},
        {"imap/a@example.com", DOMAIN_LOGIN_IMAP, "a@example.com"},
        {"pop3/a@example.com", DOMAIN_LOGIN_POP3, "a@example.com"},
        {"POP3/a@example.com", DOMAIN_LOGIN_POP3, "a@example.com"},
        {"lmtp/a@example.com", DOMAIN_LOGIN_LMTP, "a@example.com"},
        {"submission/a@example.com", DOMAIN_LOGIN_SUBMISSION, "a@example.com"},
        {"sieve/a@example.com", DOMAIN_LOGIN_SIEVE, "a@example.com"},
        {"managesieve/a@example.com", DOMAIN_LOGIN_SIEVE, "a@example.com"},
        {"pop3/pop3/a@example.com", DOMAIN_LOGIN_POP3, "pop3/a@example.com"},
        {"pop/a@example.com", DOMAIN_LOGIN_IMAP, "pop/a@example.com"},
        {"x/y@example.com", DOMAIN_LOGIN_IMAP, "x/y@example.com"},
        {"pop3/", DOMAIN_LOGIN_POP3, ""},
        {"", DOMAIN_LOGIN_IMAP, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        enum domain_login protocol;
        struct span user;

        login_key_parse(span_of(rows[i].key), &protocol, &user);
        assert_int_equal(protocol, rows[i].protocol);
        assert_true(span_is(user, rows[i].user));
    }
}

/* "old 192.0.2.10 143", "held", "later: why" ... */
static void
write_login(const struct route *route, enum domain_login protocol, char out[200])
{
    static const char *const words[] = {
        [LOGIN_HELD] = "held",
        [LOGIN_ON_STANDBY] = "standby",
        [LOGIN_NOT_FOUND] = "not found",
    };
    struct login login;

    login_decide(route, protocol, &login);
    if (login.answer == LOGIN_TO_OLD || login.answer == LOGIN_TO_NEW)
        snprintf(out, 200, "%s %.*s %u", login.answer == LOGIN_TO_OLD ? "old" : "new",
            (int)login.host.length, login.host.data, login.port);
    else if (login.answer == LOGIN_LATER)
        snprintf(out, 200, "later: %s", login.why);
    else
        snprintf(out, 200, "%s", words[login.answer]);
}

static void
each_protocol_has_its_own_port(void **state)
{
    const struct domain_field full[] = {
        {SPAN("weight"), SPAN("0")},
        {SPAN("old"), SPAN("site")},
        {SPAN("new"), SPAN("cutover-new:[192.0.2.20]:25")},
        {SPAN("imap_old"), SPAN("192.0.2.10:993")},
        {SPAN("imap_new"), SPAN("[2001:db8::20]")},
        {SPAN("pop3_new"), SPAN("pop.example:995")},
        {SPAN("lmtp_new"), SPAN("lmtp.example")},
    };
    static const struct {
        enum route_place place;
        enum domain_login protocol;
        const char *wanted;
    } rows[] = {
        {ROUTE_OLD, DOMAIN_LOGIN_IMAP, "old 192.0.2.10 993"},
        {ROUTE_OLD, DOMAIN_LOGIN_POP3, "old 192.0.2.10 110"},
        {ROUTE_OLD, DOMAIN_LOGIN_LMTP, "old 192.0.2.10 24"},
        {ROUTE_OLD, DOMAIN_LOGIN_SUBMISSION, "old 192.0.2.10 587"},
        {ROUTE_OLD, DOMAIN_LOGIN_SIEVE, "old 192.0.2.10 4190"},
        {ROUTE_NEW, DOMAIN_LOGIN_IMAP, "new 2001:db8::20 143"},
        {ROUTE_NEW, DOMAIN_LOGIN_POP3, "new pop.example 995"},
        {ROUTE_NEW, DOMAIN_LOGIN_LMTP, "new lmtp.example 24"},
        {ROUTE_NEW, DOMAIN_LOGIN_SIEVE, "new 2001:db8::20 4190"},
        {ROUTE_HOLD, DOMAIN_LOGIN_IMAP, "held"},
        {ROUTE_HOLD, DOMAIN_LOGIN_POP3, "held"},
        {ROUTE_HOLD, DOMAIN_LOGIN_LMTP, "later: the mailbox is held"},
        {ROUTE_STANDBY, DOMAIN_LOGIN_SUBMISSION, "standby"},
        {ROUTE_STANDBY, DOMAIN_LOGIN_LMTP, "later: the mailbox is on standby"},
        {ROUTE_NOT_OURS, DOMAIN_LOGIN_SIEVE, "not found"},
        {ROUTE_NOT_OURS, DOMAIN_LOGIN_LMTP, "later: not a domain that is moved here"},
        {ROUTE_UNKNOWN, DOMAIN_LOGIN_IMAP,
            "later: where this mailbox is can't be told right now"},
    };
    struct domain_state_rules rules = {0};
    struct domain_problem problem;
    struct domain_state *parsed = domain_state_parse(
        SPAN("example.com"), full, ARRAY_LENGTH(full), &rules, &problem, NULL, NULL);
    char said[200];

    (void)state;
    assert_non_null(parsed);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct route route = {.place = rows[i].place, .state = parsed};

        write_login(&route, rows[i].protocol, said);
        assert_string_equal(said, rows[i].wanted);
    }
    domain_state_free(parsed);
}

static void
without_an_address_a_login_waits(void **state)
{
    const struct domain_field bare[] = {
        {SPAN("weight"), SPAN("0")},
        {SPAN("old"), SPAN("site")},
        {SPAN("new"), SPAN("cutover-new:[192.0.2.20]:25")},
        {SPAN("pop3_old"), SPAN("pop.example")},
    };
    struct domain_state_rules rules = {0};
    struct domain_problem problem;
    struct domain_state *parsed = domain_state_parse(
        SPAN("example.com"), bare, ARRAY_LENGTH(bare), &rules, &problem, NULL, NULL);
    struct route on_old = {.place = ROUTE_OLD, .state = parsed};
    struct route on_new = {.place = ROUTE_NEW, .state = parsed};
    char said[200];

    (void)state;
    assert_non_null(parsed);
    write_login(&on_old, DOMAIN_LOGIN_POP3, said);
    assert_string_equal(said, "old pop.example 110");
    write_login(&on_old, DOMAIN_LOGIN_IMAP, said);
    assert_string_equal(said, "later: the domain has no imap_old");
    write_login(&on_new, DOMAIN_LOGIN_LMTP, said);
    assert_string_equal(said, "later: the domain has no imap_new");
    domain_state_free(parsed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_a_protocol_and_a_user),
        cmocka_unit_test(each_protocol_has_its_own_port),
        cmocka_unit_test(without_an_address_a_login_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
