/*
 * Each socket is judged by the chroot of the services that use it.
 */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "policyd/wiring/socket_reach.h"

#define INSIDE "unix:postshift/x.sock"
#define OUTSIDE "unix:/run/postshift/x.sock"

static void
judges_each_by_its_services(void **state)
{
    static const struct {
        const char *what;
        const char *rewrite; /* chroot of trivial-rewrite and of smtpd */
        const char *smtpd;
        const char *options; /* of smtpd */
        const char *route;
        const char *policy;
        const char *milter;
        bool preset;
        const char *complaint; /* NULL: all is well */
    } rows[] = {
        {"inside", "y", "y", "", INSIDE, INSIDE, INSIDE, false, NULL},
        {"by TCP", "y", "y", "", "inet:127.0.0.1:1", "inet:127.0.0.1:1",
            "inet:127.0.0.1:1", false, NULL},
        {"nobody is chrooted", "n", "n", "", OUTSIDE, OUTSIDE, OUTSIDE, false, NULL},
        {"smtpd does not ask for routes", "n", "y", "", OUTSIDE, INSIDE, INSIDE, false,
            NULL},
        {"the rewrite service does", "y", "n", "", OUTSIDE, OUTSIDE, INSIDE, false,
            "route"},
        {"rewrite has no policy", "y", "n", "", INSIDE, OUTSIDE, OUTSIDE, false, NULL},
        {"smtpd has", "n", "y", "", OUTSIDE, OUTSIDE, INSIDE, false, "policy"},
        {"and milters", "n", "y", "", INSIDE, INSIDE, OUTSIDE, false, "listen"},
        {"a server with a list of its own", "n", "y",
            "-o smtpd_recipient_restrictions=permit", INSIDE, OUTSIDE, INSIDE, false,
            NULL},
        {"the preset is none", "-", "-", "", OUTSIDE, OUTSIDE, INSIDE, false, NULL},
        {"the preset of old", "-", "n", "", OUTSIDE, INSIDE, INSIDE, true, "route"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char services[300];
        struct setup_facts facts = {
            .route = rows[i].route,
            .policy = rows[i].policy,
            .milters = {{.address = rows[i].milter, .present = true}},
            .milter_count = 1,
            .chroot_preset = rows[i].preset,
        };
        struct postfix_service rewrite = {
            .name = SPAN("rewrite"), .chroot = span_of(rows[i].rewrite)};
        struct error error = {ERROR_NONE, ""};

        (void)snprintf(services, sizeof(services), "smtp inet n - %s - - smtpd %s\n",
            rows[i].smtpd, rows[i].options);
        facts.services = span_of(services);
        if (socket_reach_check(&facts, &rewrite, &error) != (rows[i].complaint == NULL) ||
            (rows[i].complaint != NULL && span_find_text(span_of(error.text),
                                              span_of(rows[i].complaint)) == SPAN_NONE))
            fail_msg("%s: %s", rows[i].what, error.text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_each_by_its_services),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
