/*
 * From a Postfix configuration to the commands that wire the suite in.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/wiring/setup_plan.h"

#define ANCHOR "0123456789abcdef"
#define ROUTE "unix:postshift/route.sock"

static const char services[] = "smtp inet n - y - - smtpd\n"
                               "qmgr unix n - n 300 1 qmgr\n"
                               "rewrite unix - - y - - trivial-rewrite\n";

static const struct setup_facts plain = {
    .queue_lifetime = UINT64_C(5) * 86400,
    .anchor = ANCHOR,
    .route = ROUTE,
    .policy = "unix:postshift/policy.sock",
};

struct fixture {
    struct arena *arena;
    struct setup_facts facts;
    struct setup_plan plan;
    struct error error;
};

static int
set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fixture->arena = arena_new(1 << 20);
    fixture->facts = plain;
    fixture->facts.services = span_of(services);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *fixture = *state;

    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static bool
make(struct fixture *fixture, enum setup_want want)
{
    return setup_plan_make(
        &fixture->plan, want, &fixture->facts, fixture->arena, &fixture->error);
}

/* The place of a step, or -1. */
static int
find_step(const struct setup_plan *plan, const char *flag, const char *argument)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct setup_step *step = &plan->steps[i];

        if (step->flag != NULL && strcmp(step->flag, flag) == 0 &&
            strcmp(step->argument, argument) == 0)
            return (int)i;
    }
    return -1;
}

static bool
has_step(const struct fixture *fixture, const char *flag, const char *argument)
{
    return find_step(&fixture->plan, flag, argument) >= 0;
}

static bool
has_note(const struct fixture *fixture, const char *part)
{
    for (size_t i = 0; i < fixture->plan.note_count; i++) {
        if (strstr(fixture->plan.notes[i], part) != NULL)
            return true;
    }
    return false;
}

static void
defines_before_it_uses_and_switches_on_last(void **state)
{
    struct fixture *fixture = *state;
    const struct setup_plan *plan = &fixture->plan;
    int defined;
    int used;
    int on;

    assert_true(make(fixture, SETUP_APPLY));
    assert_false(plan->wired);
    defined =
        find_step(plan, "-e", "postshift_transport_maps = socketmap:" ROUTE ":transport");
    used = find_step(
        plan, "-P", "rewrite-cutover/unix/transport_maps=$postshift_transport_maps");
    on = find_step(plan, "-P", "qmgr/unix/rewrite_service_name=rewrite-cutover");
    assert_true(defined >= 0 && used > defined && on > used);
    assert_int_equal(on, (int)plan->count - 2);
    assert_null(plan->steps[plan->count - 1].flag); /* then the reload */
    assert_true(
        has_step(fixture, "-e", "smtpd_recipient_restrictions = $postshift_policy"));
    assert_true(has_step(
        fixture, "-M", "cutover-new-lmtp/unix=cutover-new-lmtp unix - - y - - lmtp"));
    assert_true(has_step(
        fixture, "-P", "cutover-new-lmtp/unix/lmtp_header_checks=$postshift_stamp_new"));
    assert_false(has_note(fixture, "header_checks"));
}

static void
leaves_milters_alone_where_there_are_none(void **state)
{
    struct fixture *fixture = *state;
    struct setup_milter auth = {
        "postshift-auth", "default_action=tempfail", "unix:a.sock", false};

    fixture->facts.milters[0] = auth;
    fixture->facts.milter_count = 1;
    assert_true(make(fixture, SETUP_APPLY));
    for (size_t i = 0; i + 1 < fixture->plan.count; i++)
        assert_null(strstr(fixture->plan.steps[i].argument, "smtpd_milters"));

    fixture->facts.milters[0].present = true;
    assert_true(make(fixture, SETUP_APPLY));
    assert_true(has_step(
        fixture, "-e", "postshift_milters = { unix:a.sock, default_action=tempfail }"));
    assert_true(has_step(fixture, "-e", "smtpd_milters = $postshift_milters"));
}

static void
keeps_a_milter_that_is_wired_while_it_is_down(void **state)
{
    struct fixture *fixture = *state;

    fixture->facts.milters[0] = (struct setup_milter){
        "postshift-auth", "default_action=tempfail", "unix:a.sock", false};
    fixture->facts.milter_count = 1;
    fixture->facts.main_cf =
        SPAN("postshift_milters = { unix:a.sock, default_action=tempfail }\n"
             "smtpd_milters = inet:127.0.0.1:8891, $postshift_milters\n");
    assert_true(make(fixture, SETUP_APPLY));
    assert_int_equal(find_step(&fixture->plan, "-e", "postshift_milters = "), -1);
    assert_true(
        has_note(fixture, "postshift-auth is wired, but its socket is not there"));
}

static void
copies_the_maps_and_notices_their_change(void **state)
{
    struct fixture *fixture = *state;

    fixture->facts.main_cf = SPAN("transport_maps = hash:/etc/postfix/transport,\n"
                                  "   regexp:{{/a  b/ x:}}\n");
    assert_true(make(fixture, SETUP_APPLY));
    assert_true(has_step(fixture, "-e",
        "postshift_transport_maps = socketmap:" ROUTE
        ":transport, hash:/etc/postfix/transport,   regexp:{{/a  b/ x:}}"));
    assert_false(fixture->plan.maps_changed);

    fixture->facts.main_cf =
        SPAN("transport_maps = hash:/new\n"
             "postshift_transport_maps = socketmap:" ROUTE ":transport, hash:/old\n");
    assert_true(make(fixture, SETUP_APPLY));
    assert_true(fixture->plan.maps_changed);
    assert_string_equal(fixture->plan.maps_copy, "hash:/old");
    assert_string_equal(fixture->plan.maps_now, "hash:/new");
    assert_true(has_step(fixture, "-e",
        "postshift_transport_maps = socketmap:" ROUTE ":transport, hash:/new"));
}

static void
follows_the_settings_of_the_sites_rewrite_service(void **state)
{
    struct fixture *fixture = *state;

    fixture->facts.services =
        SPAN("qmgr fifo n - n 300 1 qmgr\n"
             "rw unix - - n - - trivial-rewrite -o {x=a b} -o transport_maps=hash:/own "
             "-v\n");
    fixture->facts.main_cf =
        SPAN("rewrite_service_name = rw\ntransport_maps = hash:/not\n");
    assert_true(make(fixture, SETUP_APPLY));
    assert_true(has_step(fixture, "-M",
        "rewrite-cutover/unix=rewrite-cutover unix - - n - - trivial-rewrite -o {x=a b} "
        "-v"));
    assert_true(has_step(fixture, "-e",
        "postshift_transport_maps = socketmap:" ROUTE ":transport, hash:/own"));
    assert_true(
        has_step(fixture, "-P", "qmgr/fifo/rewrite_service_name=rewrite-cutover"));
}

static void
keeps_the_anchor(void **state)
{
    static const struct {
        const char *what;
        const char *main_cf;
        const char *wanted;
    } rows[] = {
        {"one there is",
            "postshift_mark = check_client_access static:{PREPEND X-Cutover-Mark: "
            "fedcba9876543210}\n",
            "fedcba9876543210"},
        {"none", "", ANCHOR},
        {"a short one",
            "postshift_mark = check_client_access static:{PREPEND X-Cutover-Mark: "
            "fedc}\n",
            ANCHOR},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char unlike[200];

        print_message("# %s\n", rows[i].what);
        fixture->facts.main_cf = span_of(rows[i].main_cf);
        assert_true(make(fixture, SETUP_APPLY));
        (void)snprintf(unlike, sizeof(unlike),
            "postshift_stamp_old = regexp:{{/^X-Cutover-Backend:/ IGNORE} "
            "{/^X-Cutover-Mark: %s/ REPLACE X-Cutover-Backend: old} "
            "{/^X-Cutover-Mark:/ IGNORE}}",
            rows[i].wanted);
        assert_true(has_step(fixture, "-e", unlike));
    }
}

static void
lengthens_the_wait_only_where_it_is_short(void **state)
{
    static const struct {
        const char *what;
        uint64_t days;
        const char *qmgr;
        bool wanted;
    } rows[] = {
        {"Postfix's five days", 5, "qmgr unix n - n 300 1 qmgr\n", true},
        {"longer already", 30, "qmgr unix n - n 300 1 qmgr\n", false},
        {"an own override", 5,
            "qmgr unix n - n 300 1 qmgr -o maximal_queue_lifetime=7d\n", false},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].what);
        fixture->facts.queue_lifetime = rows[i].days * 86400;
        fixture->facts.services = span_of(arena_printf(
            fixture->arena, "%srewrite unix - - y - - trivial-rewrite\n", rows[i].qmgr));
        assert_true(make(fixture, SETUP_APPLY));
        assert_int_equal(has_step(fixture, "-P", "qmgr/unix/maximal_queue_lifetime=20d"),
            rows[i].wanted);
    }
}

static void
goes_without_the_queue_manager_by_filter(void **state)
{
    struct fixture *fixture = *state;

    fixture->facts.by_filter = true;
    fixture->facts.services =
        SPAN("qmgr unix n - n 300 1 qmgr -o rewrite_service_name=rewrite-cutover\n"
             "rewrite-cutover unix - - y - - trivial-rewrite\n"
             "rewrite unix - - y - - trivial-rewrite\n");
    assert_true(make(fixture, SETUP_APPLY));
    assert_true(has_step(fixture, "-PX", "qmgr/unix/rewrite_service_name"));
    assert_true(has_step(fixture, "-MX", "rewrite-cutover/unix"));
    assert_true(has_step(fixture, "-e",
        "postshift_policy = check_policy_service { unix:postshift/policy.sock, "
        "timeout=3s, try_limit=2, retry_delay=1s, default_action=DEFER_IF_PERMIT }"));
}

static void
refuses_what_it_cannot_wire(void **state)
{
    static const struct {
        const char *services;
        const char *route;
        const char *wanted;
    } rows[] = {
        {"rewrite unix - - y - - trivial-rewrite\n", ROUTE, "no service qmgr"},
        {"qmgr unix n - n 300 1 qmgr\n", ROUTE, "no service rewrite"},
        {"qmgr unix n - n 300 1 qmgr -o rewrite_service_name=theirs\n"
         "rewrite unix - - y - - trivial-rewrite\n",
            ROUTE, "theirs"},
        {"qmgr unix n - n 300 1 qmgr\nrewrite unix - - y - - trivial-rewrite\n",
            "unix:/run/r.sock", "queue directory"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].wanted);
        fixture->facts.services = span_of(rows[i].services);
        fixture->facts.route = rows[i].route;
        assert_false(make(fixture, SETUP_APPLY));
        assert_non_null(strstr(fixture->error.text, rows[i].wanted));
    }
}

static void
takes_out_in_the_order_that_is_safe(void **state)
{
    struct fixture *fixture = *state;
    const struct setup_plan *plan = &fixture->plan;
    int reload = -1;

    fixture->facts.main_cf =
        SPAN("smtpd_recipient_restrictions = $postshift_policy, permit_mynetworks\n"
             "smtpd_data_restrictions = $postshift_mark,\n"
             "postshift_policy = check_policy_service unix:x\n"
             "postshift_transport_maps = socketmap:" ROUTE ":transport\n"
             "postshift_mine = not ours\n");
    fixture->facts.services =
        SPAN("qmgr unix n - n 300 1 qmgr -o maximal_queue_lifetime=20d "
             "-o rewrite_service_name=rewrite-cutover\n"
             "rewrite unix - - y - - trivial-rewrite\n"
             "rewrite-cutover unix - - y - - trivial-rewrite\n"
             "cutover-old unix - - y - - smtp\n");
    assert_true(make(fixture, SETUP_REMOVE));
    assert_true(plan->wired);
    assert_int_equal(find_step(plan, "-PX", "qmgr/unix/rewrite_service_name"), 0);
    assert_true(has_step(fixture, "-PX", "qmgr/unix/maximal_queue_lifetime"));
    assert_true(
        has_step(fixture, "-e", "smtpd_recipient_restrictions = permit_mynetworks"));
    assert_true(has_step(fixture, "-e", "smtpd_data_restrictions = "));
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->steps[i].flag == NULL)
            reload = (int)i;
    }
    assert_true(reload > find_step(plan, "-MX", "cutover-old/unix"));
    assert_true(find_step(plan, "-X", "postshift_transport_maps") > reload);
    assert_int_equal(find_step(plan, "-X", "postshift_mine"), -1);
}

static void
names_services_that_go_past_our_lists(void **state)
{
    struct fixture *fixture = *state;

    fixture->facts.services =
        SPAN("qmgr unix n - n 300 1 qmgr\nrewrite unix - - y - - trivial-rewrite\n"
             "submission inet n - y - - smtpd -o smtpd_recipient_restrictions=reject\n"
             "127.0.0.1:10025 inet n - y - - smtpd -o smtpd_data_restrictions= -o "
             "smtpd_milters=\n");
    fixture->facts.main_cf =
        SPAN("smtpd_recipient_restrictions = permit_mynetworks, $postshift_policy\n"
             "smtp_header_checks = $postshift_unmark, regexp:/x\n");
    assert_true(make(fixture, SETUP_APPLY));
    assert_true(has_note(fixture, "submission/inet in master.cf has its own"));
    assert_true(has_note(fixture, "carries no X-Cutover-Backend"));
    assert_false(has_note(fixture, "milters"));
    assert_true(has_note(fixture, "$postshift_policy does not stand first"));
    assert_true(has_note(fixture, "the site's own smtp_header_checks do not apply"));
    assert_false(has_note(fixture, "lmtp_header_checks"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define SETUP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        SETUP_TEST(defines_before_it_uses_and_switches_on_last),
        SETUP_TEST(leaves_milters_alone_where_there_are_none),
        SETUP_TEST(keeps_a_milter_that_is_wired_while_it_is_down),
        SETUP_TEST(copies_the_maps_and_notices_their_change),
        SETUP_TEST(follows_the_settings_of_the_sites_rewrite_service),
        SETUP_TEST(keeps_the_anchor),
        SETUP_TEST(lengthens_the_wait_only_where_it_is_short),
        SETUP_TEST(goes_without_the_queue_manager_by_filter),
        SETUP_TEST(refuses_what_it_cannot_wire),
        SETUP_TEST(takes_out_in_the_order_that_is_safe),
        SETUP_TEST(names_services_that_go_past_our_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
