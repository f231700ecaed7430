/*
 * From a Postfix configuration to the commands that wire the suite in.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/wiring/setup_plan.h"

#define ROUTE "unix:postshift/route.sock"

static const char services[] = "smtp inet n - y - - smtpd\n"
                               "qmgr unix n - n 300 1 qmgr\n"
                               "rewrite unix - - y - - trivial-rewrite\n";

static const struct setup_facts plain = {
    .queue_lifetime = UINT64_C(5) * 86400,
    .bounce_lifetime = UINT64_C(5) * 86400,
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

/* The argument of the first step that begins so, or NULL. */
static const char *
find_argument(const struct fixture *fixture, const char *flag, const char *begin)
{
    for (size_t i = 0; i < fixture->plan.count; i++) {
        const struct setup_step *step = &fixture->plan.steps[i];

        if (step->flag != NULL && strcmp(step->flag, flag) == 0 &&
            strncmp(step->argument, begin, strlen(begin)) == 0)
            return step->argument;
    }
    return NULL;
}

static void
check_has(const char *text, const char *part)
{
    if (text == NULL || strstr(text, part) == NULL)
        fail_msg("no \"%s\" in \"%s\"", part, text == NULL ? "nothing" : text);
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
    int on;

    assert_true(make(fixture, SETUP_APPLY));
    assert_false(plan->wired);
    defined = find_step(plan, "-M",
        "rewrite-cutover/unix=rewrite-cutover unix - - y - - trivial-rewrite "
        "-o transport_maps=socketmap:" ROUTE ":transport");
    on = find_step(plan, "-P", "qmgr/unix/rewrite_service_name=rewrite-cutover");
    assert_true(defined >= 0 && on > defined);
    assert_int_equal(on, (int)plan->count - 2);
    assert_null(plan->steps[plan->count - 1].flag); /* then the reload */
    assert_true(
        has_step(fixture, "-e", "smtpd_recipient_restrictions = $postshift_policy"));
    check_has(find_argument(fixture, "-M", "cutover-new-lmtp/unix="),
        "=cutover-new-lmtp unix - - y - - lmtp -o syslog_name=postfix/cutover-new -o "
        "{lmtp_header_checks=regexp:{{/^X-Cutover-(Backend|Mark):/ IGNORE} "
        "{/^Return-Path:/ "
        "REPLACE X-Cutover-Backend: new}}} -o {lmtp_delivery_status_filter=");
    check_has(find_argument(fixture, "-M", "cutover-new-lmtp/unix="),
        "-o lmtp_fallback_relay= -o lmtp_tls_loglevel=1 flags=R");
}

static void
uses_no_parameter_of_its_own_in_master_cf(void **state)
{
    struct fixture *fixture = *state;

    fixture->facts.main_cf = SPAN("transport_maps = hash:/a, hash:/b\n"
                                  "smtp_header_checks = regexp:/c\n");
    assert_true(make(fixture, SETUP_APPLY));
    for (size_t i = 0; i + 1 < fixture->plan.count; i++) {
        const struct setup_step *step = &fixture->plan.steps[i];

        if (strcmp(step->flag, "-M") == 0 || strcmp(step->flag, "-P") == 0)
            assert_null(strstr(step->argument, "postshift_"));
    }
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

/* What master.cf is once the steps have run: our entries behind the site's. */
static void
apply_entries(struct fixture *fixture)
{
    const char *text = arena_text(fixture->arena, fixture->facts.services);

    for (size_t i = 0; i < fixture->plan.count; i++) {
        const struct setup_step *step = &fixture->plan.steps[i];

        if (step->flag != NULL && strcmp(step->flag, "-M") == 0)
            text = arena_printf(
                fixture->arena, "%s%s\n", text, strchr(step->argument, '=') + 1);
    }
    fixture->facts.services = span_of(text);
}

static void
copies_the_maps_and_notices_their_change(void **state)
{
    struct fixture *fixture = *state;

    fixture->facts.main_cf = SPAN("transport_maps = hash:/etc/postfix/transport,\n"
                                  "   regexp:{{/a  b/ x:}}\n");
    assert_true(make(fixture, SETUP_APPLY));
    check_has(find_argument(fixture, "-M", "rewrite-cutover/unix="),
        "-o {transport_maps=socketmap:" ROUTE
        ":transport, hash:/etc/postfix/transport,   regexp:{{/a  b/ x:}}}");
    apply_entries(fixture);
    assert_true(make(fixture, SETUP_APPLY));
    assert_null(find_argument(fixture, "-M", "")); /* a second time changes nothing */
    assert_false(fixture->plan.maps_changed);

    fixture->facts.main_cf = SPAN("transport_maps = hash:/new\n");
    assert_true(make(fixture, SETUP_APPLY));
    assert_true(fixture->plan.maps_changed);
    assert_string_equal(fixture->plan.maps_now, "hash:/new");
    check_has(fixture->plan.maps_copy, "hash:/etc/postfix/transport,");
    check_has(find_argument(fixture, "-M", "rewrite-cutover/unix="),
        "-o {transport_maps=socketmap:" ROUTE ":transport, hash:/new}");
}

static void
asks_some_of_the_sites_maps_first(void **state)
{
    static const struct {
        const char *what;
        size_t first;
        const char *wanted;
    } rows[] = {
        {"none", 0,
            "=socketmap:" ROUTE ":transport, hash:/a , regexp:{{/x, y/ z:}} hash:/c}"},
        {"one", 1,
            "=hash:/a, socketmap:" ROUTE ":transport, regexp:{{/x, y/ z:}} hash:/c}"},
        {"two", 2,
            "=hash:/a , regexp:{{/x, y/ z:}}, socketmap:" ROUTE ":transport, hash:/c}"},
        {"all", 3,
            "=hash:/a , regexp:{{/x, y/ z:}} hash:/c, socketmap:" ROUTE ":transport}"},
    };
    struct fixture *fixture = *state;

    fixture->facts.main_cf =
        SPAN("transport_maps = hash:/a , regexp:{{/x, y/ z:}} hash:/c\n");
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].what);
        fixture->facts.services = span_of(services);
        fixture->facts.maps_first = rows[i].first;
        assert_true(make(fixture, SETUP_APPLY));
        check_has(find_argument(fixture, "-M", "rewrite-cutover/unix="), rows[i].wanted);
        apply_entries(fixture);
        assert_true(make(fixture, SETUP_APPLY));
        assert_false(fixture->plan.maps_changed);
        assert_null(find_argument(fixture, "-M", ""));
    }
}

static void
begins_as_a_copy_of_the_sites_service(void **state)
{
    struct fixture *fixture = *state;

    fixture->facts.like = "relay";
    fixture->facts.services =
        SPAN("qmgr unix n - n 300 1 qmgr\nrewrite unix - - y - - trivial-rewrite\n"
             "relay unix - - n - 4 smtp -v -o syslog_name=postfix/$service_name "
             "-o smtp_bind_address=192.0.2.1 -osmtp_tls_security_level=encrypt "
             "-o { smtp_sasl_password_maps = inline:{ a=b } } "
             "-o smtp_header_checks=regexp:/their -o smtp_fallback_relay=[192.0.2.9]\n"
             "unused unix - - y - - lmtp\n");
    fixture->facts.main_cf = SPAN("relay_destination_concurrency_limit = 2\n"
                                  "relay_domains = example.com\n"
                                  "smtp_header_checks = regexp:/main\n"
                                  "cutover-new_destination_concurrency_limit = 7\n");
    assert_true(make(fixture, SETUP_APPLY));
    check_has(find_argument(fixture, "-M", "cutover-old/unix="),
        "=cutover-old unix - - n - 4 smtp -v -o smtp_bind_address=192.0.2.1 "
        "-o smtp_tls_security_level=encrypt -o {smtp_sasl_password_maps=inline:{ a=b }} "
        "-o syslog_name=postfix/cutover-old -o ");
    check_has(find_argument(fixture, "-M", "cutover-old/unix="),
        "X-Cutover-Backend: old}}, regexp:/their}");
    check_has(find_argument(fixture, "-M", "cutover-old/unix="),
        "-o smtp_fallback_relay= -o smtp_tls_loglevel=1 flags=R");
    check_has(find_argument(fixture, "-M", "cutover-old-lmtp/unix="),
        "unix - - y - - lmtp -o s");
    assert_true(has_step(fixture, "-e", "cutover-old_destination_concurrency_limit = 2"));
    assert_int_equal(
        find_step(&fixture->plan, "-e", "cutover-new_destination_concurrency_limit = 2"),
        -1);
    assert_null(find_argument(fixture, "-e", "cutover-old-lmtp_"));
    check_has(fixture->plan.copied, "relay: -o smtp_bind_address=192.0.2.1 ");
    check_has(fixture->plan.copied, " relay_destination_concurrency_limit=2");

    apply_entries(fixture);
    assert_true(make(fixture, SETUP_APPLY));
    assert_null(find_argument(fixture, "-M", "cutover"));
}

static void
hears_of_the_version_of_tls_and_takes_no_more_away(void **state)
{
    static const struct {
        const char *what;
        const char *relay; /* settings of the service that is copied */
        const char *main_cf;
        const char *smtp; /* the level that ours have */
        const char *lmtp;
    } rows[] = {
        {"nothing said", "", "", "1", "1"},
        {"switched off by the service", "-o smtp_tls_loglevel=0", "", "1", "1"},
        {"switched off in main.cf", "", "smtp_tls_loglevel = 0\n", "1", "1"},
        {"more of the service", "-o smtp_tls_loglevel=2", "", "2", "1"},
        {"more in main.cf", "", "lmtp_tls_loglevel = 3\n", "1", "3"},
        {"the service wins", "-o smtp_tls_loglevel=1", "smtp_tls_loglevel = 3\n", "1",
            "1"},
        {"what we can't read", "-o smtp_tls_loglevel=$my", "", "$my", "1"},
    };
    struct fixture *fixture = *state;

    fixture->facts.like = "relay";
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        print_message("# %s\n", rows[i].what);
        fixture->facts.main_cf = span_of(rows[i].main_cf);
        fixture->facts.services = span_of(arena_printf(
            fixture->arena, "%srelay unix - - y - - smtp %s\n", services, rows[i].relay));
        assert_true(make(fixture, SETUP_APPLY));
        check_has(find_argument(fixture, "-M", "cutover-old/unix="),
            arena_printf(
                fixture->arena, " -o smtp_tls_loglevel=%s flags=R", rows[i].smtp));
        check_has(find_argument(fixture, "-M", "cutover-standby-lmtp/unix="),
            arena_printf(
                fixture->arena, " -o lmtp_tls_loglevel=%s flags=R", rows[i].lmtp));
        apply_entries(fixture);
        assert_true(make(fixture, SETUP_APPLY));
        assert_null(find_argument(fixture, "-M", "cutover"));
    }
}

static void
leaves_what_was_changed_in_ours_and_says_what_is_missing(void **state)
{
    struct fixture *fixture = *state;

    assert_true(make(fixture, SETUP_APPLY));
    apply_entries(fixture);
    fixture->facts.services = span_of(arena_printf(fixture->arena, "%s%s",
        arena_text(fixture->arena, fixture->facts.services),
        "relay unix - - y - - smtp -o smtp_bind_address=192.0.2.1\n"));
    fixture->facts.like = "relay";
    assert_true(make(fixture, SETUP_APPLY));
    assert_null(find_argument(fixture, "-M", "cutover"));
    assert_true(
        has_note(fixture, "cutover-new lacks what relay has: -o smtp_bind_address"));
    fixture->facts.like_is_told = true;
    assert_true(make(fixture, SETUP_APPLY));
    check_has(find_argument(fixture, "-M", "cutover-new/unix="),
        "smtp -o smtp_bind_address=192.0.2.1 -o syslog_name");
    assert_null(find_argument(fixture, "-M", "cutover-new-lmtp/unix="));
}

static void
gives_probes_a_way_of_their_own(void **state)
{
    static const struct {
        const char *what;
        const char *main_cf;
        const char *smtpd;
        bool wanted;
        bool by_ours;
    } rows[] = {
        {"nobody verifies", "", "", false, false},
        {"a comment", "# reject_unverified_recipient\n", "", false, false},
        {"main.cf", "smtpd_x = a,\n  reject_unverified_recipient\n", "", true, true},
        {"a service", "", " -o smtpd_x=reject_unverified_recipient", true, true},
        {"maps of its own",
            "smtpd_x = reject_unverified_recipient\n"
            "address_verify_transport_maps = hash:/v\n",
            "", true, false},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *entry;

        print_message("# %s\n", rows[i].what);
        fixture->facts.main_cf = span_of(rows[i].main_cf);
        fixture->facts.services = span_of(arena_printf(
            fixture->arena, "%s10025 inet n - y - - smtpd%s\n", services, rows[i].smtpd));
        assert_true(make(fixture, SETUP_APPLY));
        entry = find_argument(fixture, "-M", "rewrite-cutover/unix=");
        assert_int_equal(
            find_argument(fixture, "-M", "cutover-verify/unix=") != NULL, rows[i].wanted);
        assert_int_equal(strstr(entry, "-o address_verify_transport_maps=socketmap:" ROUTE
                                       ":verify") != NULL,
            rows[i].by_ours);
        assert_int_equal(
            has_note(fixture, "reject_unverified_recipient"), rows[i].wanted);
        apply_entries(fixture);
        assert_true(make(fixture, SETUP_APPLY));
        assert_null(find_argument(fixture, "-M", ""));
    }
    assert_true(make(fixture, SETUP_REMOVE));
    assert_true(has_step(fixture, "-MX", "cutover-verify-lmtp/unix"));
}

static void
keeps_a_return_path_that_the_site_wants(void **state)
{
    struct fixture *fixture = *state;

    fixture->facts.like = "their";
    fixture->facts.services = span_of(arena_printf(fixture->arena,
        "%stheir unix - - y - - lmtp flags=DRX -o lmtp_tls_security_level=none\n",
        services));
    for (int i = 0; i < 2; i++) {
        assert_true(make(fixture, SETUP_APPLY));
        if (i == 1)
            break;
        check_has(find_argument(fixture, "-M", "cutover-old-lmtp/unix="),
            "{/^Return-Path:/ PREPEND X-Cutover-Backend: old}");
        check_has(find_argument(fixture, "-M", "cutover-old-lmtp/unix="), " flags=DRX");
        apply_entries(fixture);
    }
    assert_null(find_argument(fixture, "-M", ""));
}

static void
refuses_to_copy_what_is_no_client(void **state)
{
    struct fixture *fixture = *state;

    fixture->facts.like = "smtp";
    assert_false(make(fixture, SETUP_APPLY));
    check_has(fixture->error.text, "no service smtp of type unix");
    fixture->facts.like = "rewrite";
    assert_false(make(fixture, SETUP_APPLY));
    check_has(fixture->error.text, "run by trivial-rewrite");
}

static void
takes_earlier_versions_words_out(void **state)
{
    struct fixture *fixture = *state;
    const struct setup_plan *plan = &fixture->plan;
    int reload;

    fixture->facts.main_cf =
        SPAN("smtpd_data_restrictions = $postshift_mark, reject_unauth_pipelining\n"
             "smtp_header_checks = $postshift_unmark\n"
             "postshift_mark = check_client_access static:{PREPEND X: y}\n"
             "postshift_transport_maps = socketmap:" ROUTE ":transport\n");
    fixture->facts.services = span_of(arena_printf(fixture->arena,
        "%srewrite-cutover unix - - y - - trivial-rewrite "
        "-o transport_maps=$postshift_transport_maps\n"
        "cutover-old unix - - y - - smtp -o smtp_header_checks=$postshift_stamp_old "
        "-o smtp_connect_timeout=9s\n",
        services));
    assert_true(make(fixture, SETUP_APPLY));
    assert_true(
        has_step(fixture, "-e", "smtpd_data_restrictions = reject_unauth_pipelining"));
    check_has(
        find_argument(fixture, "-M", "cutover-old/unix="), "smtp_connect_timeout=9s");
    check_has(find_argument(fixture, "-M", "rewrite-cutover/unix="), "socketmap:");
    for (reload = 0; plan->steps[reload].flag != NULL; reload++)
        continue;
    assert_true(find_step(plan, "-X", "smtp_header_checks") < reload);
    assert_true(find_step(plan, "-X", "postshift_transport_maps") > reload);
    assert_true(find_step(plan, "-X", "postshift_mark") > reload);
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
        "rewrite-cutover/unix=rewrite-cutover unix - - n - - trivial-rewrite -v -o {x=a "
        "b} -o {transport_maps=socketmap:" ROUTE ":transport, hash:/own}"));
    assert_true(
        has_step(fixture, "-P", "qmgr/fifo/rewrite_service_name=rewrite-cutover"));
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
        /* That of null senders is looked at apart. */
        assert_true(has_step(fixture, "-P", "qmgr/unix/bounce_queue_lifetime=20d"));
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
             "cutover-old_destination_rate_delay = 1s\n"
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
    assert_true(find_step(plan, "-X", "cutover-old_destination_rate_delay") > reload);
    assert_int_equal(find_step(plan, "-X", "postshift_mine"), -1);
}

static void
names_services_that_go_past_our_lists(void **state)
{
    struct fixture *fixture = *state;

    fixture->facts.services =
        SPAN("qmgr unix n - n 300 1 qmgr\nrewrite unix - - y - - trivial-rewrite\n"
             "submission inet n - y - - smtpd -o smtpd_recipient_restrictions=reject\n"
             "127.0.0.1:10025 inet n - y - - smtpd -o smtpd_milters=\n");
    fixture->facts.main_cf =
        SPAN("smtpd_recipient_restrictions = permit_mynetworks, $postshift_policy\n"
             "message_drop_headers = bcc\n");
    assert_true(make(fixture, SETUP_APPLY));
    assert_true(has_note(fixture, "submission/inet in master.cf has its own"));
    assert_false(has_note(fixture, "milters"));
    assert_true(has_note(fixture, "$postshift_policy does not stand first"));
    assert_true(has_note(fixture, "message_drop_headers leaves Return-Path"));
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
        SETUP_TEST(uses_no_parameter_of_its_own_in_master_cf),
        SETUP_TEST(asks_some_of_the_sites_maps_first),
        SETUP_TEST(begins_as_a_copy_of_the_sites_service),
        SETUP_TEST(hears_of_the_version_of_tls_and_takes_no_more_away),
        SETUP_TEST(leaves_what_was_changed_in_ours_and_says_what_is_missing),
        SETUP_TEST(keeps_a_return_path_that_the_site_wants),
        SETUP_TEST(gives_probes_a_way_of_their_own),
        SETUP_TEST(refuses_to_copy_what_is_no_client),
        SETUP_TEST(takes_earlier_versions_words_out),
        SETUP_TEST(lengthens_the_wait_only_where_it_is_short),
        SETUP_TEST(goes_without_the_queue_manager_by_filter),
        SETUP_TEST(refuses_what_it_cannot_wire),
        SETUP_TEST(takes_out_in_the_order_that_is_safe),
        SETUP_TEST(names_services_that_go_past_our_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
