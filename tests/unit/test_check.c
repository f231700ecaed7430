/*
 * The table of checks, results and how they add up; what Postfix, policyd and Redis say.
 */
#include "tests/unit/check_three.h"

#include <string.h>

#include "policyd/checks/check_postfix.h"
#include "policyd/checks/check_state.h"
#include "shared/base/attributes.h"

enum { NOW = 1800000000, DAY = 86400 };

static void
is_the_worst_of_its_lines(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct check check;

    (void)state;
    check_begin(&check, arena);
    assert_int_equal(check.result, CHECK_SKIPPED);
    check_add(&check, CHECK_PASS, "one");
    check_add(&check, CHECK_SKIPPED, "two");
    assert_int_equal(check.result, CHECK_PASS);
    check_add(&check, CHECK_FAIL, "three");
    check_add(&check, CHECK_UNKNOWN, "four");
    assert_int_equal(check.result, CHECK_FAIL);
    assert_string_equal(check_found(&check, arena), "one\ntwo\nthree\nfour");
    for (size_t i = 0; i < CHECK_LINES_MAX; i++)
        check_add(&check, CHECK_PASS, "x");
    assert_non_null(strstr(check_found(&check, arena), "and 4 more"));
    arena_free(arena);
}

static void
counts_three_things(void **state)
{
    struct check_counts counts = {0};

    (void)state;
    check_count(&counts, CHECK_PROBE, CHECK_FAIL);
    check_count(&counts, CHECK_PROBE, CHECK_UNKNOWN);
    check_count(&counts, CHECK_PROBE, CHECK_SKIPPED);
    check_count(&counts, CHECK_PROBE, CHECK_PASS);
    check_count(&counts, CHECK_TLS, CHECK_FAIL);
    check_count(&counts, CHECK_TLS, CHECK_UNKNOWN);
    check_count(&counts, CHECK_TLS, CHECK_SKIPPED);
    assert_int_equal(counts.blocking, 2);
    assert_int_equal(counts.warnings, 3);
    assert_int_equal(counts.unknown, 2);
}

static void
has_a_whole_row_for_each(void **state)
{
    (void)state;
    for (int i = 0; i < CHECKS; i++) {
        const struct check_row *row = &check_rows[i];

        assert_non_null(row->name);
        assert_true(
            row->looks[0] != '\0' && row->why[0] != '\0' && row->remedy[0] != '\0');
        assert_int_equal(check_find(span_of(row->name)), i);
        assert_true(i == 0 || check_rows[i - 1].group <= row->group);
    }
    assert_int_equal(check_find(SPAN("mx")), CHECKS);
}

/* --- Postfix --- */

#define OURS(name, command)                                                              \
    name " unix - - n - - " command " -o syslog_name=postfix/cutover-x -o " command      \
         "_header_checks={regexp:{{/^Return-Path:/ REPLACE X-Cutover-Backend: old}}} "   \
         "-o " command "_delivery_status_filter={regexp:{{if !/\\(in reply to end of "   \
         "DATA c/}}} -o " command "_tls_loglevel=1\n"
#define ALL_OURS                                                                         \
    OURS("cutover-old", "smtp")                                                          \
    OURS("cutover-new", "smtp")                                                          \
    OURS("cutover-standby", "smtp")                                                      \
    OURS("cutover-old-lmtp", "lmtp")                                                     \
    OURS("cutover-new-lmtp", "lmtp") OURS("cutover-standby-lmtp", "lmtp")
#define MANAGER                                                                          \
    "qmgr unix n - n 300 1 qmgr -o maximal_queue_lifetime=20d -o "                       \
    "bounce_queue_lifetime=20d\n"
#define SERVER "smtp inet n - n - - smtpd\n"
#define ROUTE "socketmap:unix:postshift/route.sock"

static const char *const strangers[] = {"b@example.com"};
static const char *const lacking[] = {
    "cutover-new lacks what relay has: -o smtp_tls_security_level=encrypt"};
static const struct wiring whole = {.state = WIRING_WHOLE};
static const struct wiring off = {.state = WIRING_OFF};
static const struct wiring not_known = {.state = WIRING_UNKNOWN};
static const struct wiring in_part = {
    .state = WIRING_PART, .findings = {{true, "a socket is missing"}}, .count = 1};

static const struct {
    const char *what;
    enum check_name name;
    enum check_result wanted;
    const char *line;
    const char *services;
    struct check_postfix facts;
} postfix_rows[] = {
    {"wired", CHECK_ROUTE_FIRST, CHECK_PASS, "asks policyd first", "",
        {.wiring = &whole}},
    {"off", CHECK_ROUTE_FIRST, CHECK_FAIL, "switched off", "", {.wiring = &off}},
    {"in part", CHECK_ROUTE_FIRST, CHECK_FAIL, "a socket is missing", "",
        {.wiring = &in_part}},
    {"an old copy of the maps", CHECK_ROUTE_FIRST, CHECK_FAIL, "no longer", "",
        {.wiring = &whole, .maps_changed = true}},
    {"not looked at", CHECK_ROUTE_FIRST, CHECK_UNKNOWN, "could not be looked at", "",
        {.wiring = &not_known}},
    {"free", CHECK_INTAKE_FREE, CHECK_PASS, "1 SMTP servers", SERVER,
        {.transport_maps = {"hash:/x", 7}}},
    {"main.cf asks", CHECK_INTAKE_FREE, CHECK_FAIL, "smtpd does, too", SERVER,
        {.transport_maps = {ROUTE ":transport", sizeof(ROUTE) + 9}}},
    {"an smtpd asks", CHECK_INTAKE_FREE, CHECK_FAIL,
        "smtp/inet of master.cf asks policyd",
        "smtp inet n - n - - smtpd -o transport_maps=" ROUTE ":transport\n", {0}},
    {"all six", CHECK_SERVICES, CHECK_PASS, "cutover-new-lmtp: logs as", ALL_OURS, {0}},
    {"lacks TLS", CHECK_SERVICES, CHECK_FAIL, "cutover-new lacks", ALL_OURS,
        {.lacking = lacking, .lacking_count = 1}},
    {"none", CHECK_SERVICES, CHECK_FAIL, "cutover-new: is not in master.cf", SERVER, {0}},
    {"without stamp", CHECK_SERVICES, CHECK_FAIL, "does not stamp",
        "cutover-old unix - - n - - smtp -o syslog_name=postfix/cutover-old\n", {0}},
    {"filtered", CHECK_NO_BOUNCE, CHECK_PASS, "cutover-old: a refusal before", ALL_OURS,
        {0}},
    {"not filtered", CHECK_NO_BOUNCE, CHECK_FAIL, "cutover-old: a refusal goes back",
        "cutover-old unix - - n - - smtp\n", {0}},
    {"logs TLS", CHECK_TLS_LOG, CHECK_PASS, "smtp_tls_loglevel = 1", ALL_OURS, {0}},
    {"does not", CHECK_TLS_LOG, CHECK_FAIL, "is not set",
        "cutover-old unix - - n - - smtp\n", {0}},
    {"not used", CHECK_VERIFY, CHECK_PASS, "is not used", "", {0}},
    {"450", CHECK_VERIFY, CHECK_PASS, "450", "",
        {.verifies = true, .verify_code = {"450", 3}}},
    {"550", CHECK_VERIFY, CHECK_FAIL, "550", "",
        {.verifies = true, .verify_code = {"550", 3}}},
    {"20 days", CHECK_LIFETIME, CHECK_PASS, "20.0 days", MANAGER,
        {.longest_stay = 18 * DAY, .queue_lifetime = DAY, .bounce_lifetime = DAY}},
    {"too short for the plan", CHECK_LIFETIME, CHECK_FAIL, "20.0 days", MANAGER,
        {.longest_stay = 18 * DAY + 1}},
    {"20 days", CHECK_NULL_LIFETIME, CHECK_PASS, "bounce_queue_lifetime: 20.0 days",
        MANAGER, {.longest_stay = 18 * DAY, .bounce_lifetime = DAY}},
    {"main.cf's own", CHECK_NULL_LIFETIME, CHECK_FAIL, "bounce_queue_lifetime: 1.0 days",
        "qmgr unix n - n 300 1 qmgr\n",
        {.queue_lifetime = 5 * DAY, .bounce_lifetime = DAY}},
    {"read", CHECK_LOG, CHECK_PASS, "of 600 s ago", "",
        {.long_ids = "yes", .log_time = NOW - 600}},
    {"short ids", CHECK_LOG, CHECK_FAIL, "= no", "", {.long_ids = "no", .log_time = NOW}},
    {"nobody reads", CHECK_LOG, CHECK_UNKNOWN, "no controller", "", {.long_ids = "yes"}},
    {"long silent", CHECK_LOG, CHECK_UNKNOWN, "of 601 s ago", "",
        {.long_ids = "yes", .log_time = NOW - 601}},
    {"all are known", CHECK_RECIPIENTS, CHECK_PASS, "2 of 2 addresses", "",
        {.has_maps = true, .address_count = 2}},
    {"one is not", CHECK_RECIPIENTS, CHECK_FAIL, "b@example.com: is refused", "",
        {.has_maps = true, .address_count = 2, .unknown = strangers, .unknown_count = 1}},
    {"anybody", CHECK_RECIPIENTS, CHECK_FAIL, "anybody is taken", "", {0}},
    {"verified", CHECK_RECIPIENTS, CHECK_PASS, "are verified", "", {.verifies = true}},
    {"not said", CHECK_RECIPIENTS, CHECK_SKIPPED, "needs [ctl] addresses", "",
        {.has_maps = true}},
    {"a map can't be asked", CHECK_RECIPIENTS, CHECK_UNKNOWN, "no such file", "",
        {.has_maps = true, .maps_fault = "no such file"}},
    {"routable", CHECK_CLASS, CHECK_PASS, "by transport_maps", "", {0}},
    {"local", CHECK_CLASS, CHECK_FAIL, "in mydestination", "",
        {.refusal = "example.com is in mydestination", .refusal_is_sure = true}},
    {"a table can't be read", CHECK_CLASS, CHECK_UNKNOWN, "run it as root", "",
        {.refusal = "example.com is in mydestination"}},
};

static void
judges_postfix(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(postfix_rows); i++) {
        struct arena *arena = arena_new(1 << 20);
        struct check_postfix facts = postfix_rows[i].facts;
        struct check check;
        const char *found;

        facts.route = ROUTE;
        facts.now = NOW;
        facts.services = span_of(postfix_rows[i].services);
        check_begin(&check, arena);
        check_postfix_look(&facts, postfix_rows[i].name, &check);
        found = check_found(&check, arena);
        if (check.result != postfix_rows[i].wanted ||
            strstr(found, postfix_rows[i].line) == NULL)
            fail_msg("%s, %s: %s:\n%s", check_rows[postfix_rows[i].name].name,
                postfix_rows[i].what, check_result_name(check.result), found);
        three_note(postfix_rows[i].name, check.result);
        /* Without a Postfix to be looked at nothing is said. */
        facts.obstacle = "there is no postconf";
        check_begin(&check, arena);
        check_postfix_look(&facts, postfix_rows[i].name, &check);
        assert_int_equal(check.result, CHECK_UNKNOWN);
        three_note(postfix_rows[i].name, check.result);
        arena_free(arena);
    }
}

/* --- state --- */

static void
expect_result(enum check_name name, const struct check *check, enum check_result wanted)
{
    if (check->result != wanted)
        fail_msg("%s: %s:\n%s", check_rows[name].name, check_result_name(check->result),
            check_found(check, check->arena));
    three_note(name, check->result);
}

static void
judges_vectors_gateways_and_clocks(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    static const struct {
        struct check_vector vector;
        enum check_result wanted;
    } vectors[] = {
        {{"a@x", NULL, true, 5, 5, 4999}, CHECK_PASS},
        {{"a@x", NULL, true, 5, 6, 10}, CHECK_FAIL},
        {{"a@x", NULL, true, 5, 5, 5001}, CHECK_FAIL},
        {{"a@x", "refused", false, 0, 0, -1}, CHECK_UNKNOWN},
    };
    const struct check_gateway same[] = {
        {"a", SPAN("1"), SPAN("1799999999")}, {"b", SPAN("1"), SPAN("1799999990")}};
    const struct check_gateway other[] = {
        {"a", SPAN("1"), SPAN("1800000000")}, {"b", SPAN("2"), SPAN("1800000009")}};
    const struct check_gateway silent[] = {{"a", SPAN("1"), SPAN("1799999000")}};
    const int64_t now_ms = (int64_t)NOW * 1000;
    struct check check;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(vectors); i++) {
        check_begin(&check, arena);
        check_state_vectors(&vectors[i].vector, 1, &check);
        expect_result(CHECK_VECTORS, &check, vectors[i].wanted);
    }
    check_begin(&check, arena);
    check_state_replicas(same, 2, NOW, &check);
    expect_result(CHECK_REPLICAS, &check, CHECK_PASS);
    check_begin(&check, arena);
    check_state_replicas(other, 2, NOW, &check);
    expect_result(CHECK_REPLICAS, &check, CHECK_FAIL);
    check_begin(&check, arena);
    check_state_replicas(silent, 1, NOW, &check);
    expect_result(CHECK_REPLICAS, &check, CHECK_UNKNOWN);
    check_begin(&check, arena);
    check_state_clocks(same, 1, now_ms - 1000, now_ms, &check);
    expect_result(CHECK_CLOCKS, &check, CHECK_PASS);
    check_begin(&check, arena);
    check_state_clocks(other, 2, now_ms, now_ms, &check);
    expect_result(CHECK_CLOCKS, &check, CHECK_FAIL);
    check_begin(&check, arena);
    check_state_clocks(same, 1, now_ms + 1001, now_ms, &check);
    expect_result(CHECK_CLOCKS, &check, CHECK_FAIL);
    check_begin(&check, arena);
    check_state_clocks(silent, 0, 0, now_ms, &check);
    expect_result(CHECK_CLOCKS, &check, CHECK_UNKNOWN);
    arena_free(arena);
}

#define INFO(role, policy, aof, saves)                                                   \
    "# Server\r\nserver_time_usec:1800000000123456\r\nrole:" role                        \
    "\r\nmaxmemory_policy:" policy "\r\naof_enabled:" aof "\r\nrdb_saves:" saves "\r\n"

static void
judges_redis(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    static const struct {
        const char *info;
        const char *saves;
        enum check_result wanted;
    } cases[] = {
        {INFO("master", "noeviction", "1", "0"), "", CHECK_PASS},
        {INFO("master", "noeviction", "0", "3"), "", CHECK_PASS},
        {INFO("master", "noeviction", "0", "0"), "3600 1", CHECK_PASS},
        {INFO("master", "noeviction", "0", "0"), "", CHECK_FAIL},
        {INFO("slave", "noeviction", "1", "0"), "", CHECK_FAIL},
        {INFO("master", "allkeys-lru", "1", "0"), "", CHECK_FAIL},
        {"# Server\r\nrole:master\r\n", "", CHECK_UNKNOWN},
    };
    struct check check;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        check_begin(&check, arena);
        check_state_redis(span_of(cases[i].info), span_of(cases[i].saves),
            "postshift-operator", &check);
        expect_result(CHECK_REDIS, &check, cases[i].wanted);
    }
    assert_int_equal(
        check_state_redis_clock(span_of(cases[0].info)), INT64_C(1800000000123));
    assert_int_equal(check_state_redis_clock(SPAN("")), 0);
    arena_free(arena);
}

static void
judges_pins_and_snapshot(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct check check;

    (void)state;
    check_begin(&check, arena);
    check_state_pin(SPAN("a@x"), SPAN("new"), NOW, &check);
    check_state_pin(SPAN("b@x"), SPAN("none"), NOW, &check);
    check_state_pin(SPAN("c@x"), SPAN("new until=2030-01-01T00:00:00Z"), NOW, &check);
    assert_int_equal(check.count, 0);
    check_state_pin(SPAN("d@x"), SPAN("new until=2020-01-01T00:00:00Z"), NOW, &check);
    check_state_pin(SPAN("e@x"), SPAN("nwe"), NOW, &check);
    assert_int_equal(check.count, 2);
    expect_result(CHECK_PINS, &check, CHECK_FAIL);
    check_begin(&check, arena);
    check_state_pin_unit(SPAN("a@x"), SPAN("new"), SPAN("b@x"), SPAN("new"), &check);
    check_state_pin_unit(SPAN("a@x"), SPAN("none"), SPAN("b@x"), SPAN(""), &check);
    assert_int_equal(check.count, 0);
    check_state_pin_unit(SPAN("a@x"), SPAN("new"), SPAN("b@x"), SPAN(""), &check);
    check_state_pin_unit(SPAN("c@x"), SPAN("new"), SPAN("b@x"), SPAN("old"), &check);
    assert_int_equal(check.count, 2);
    expect_result(CHECK_PINS, &check, CHECK_FAIL);
    check_begin(&check, arena);
    check_state_pins(3, NULL, &check);
    expect_result(CHECK_PINS, &check, CHECK_PASS);
    check_state_pins(3, "Redis can't be asked", &check);
    expect_result(CHECK_PINS, &check, CHECK_UNKNOWN);

    check_begin(&check, arena);
    check_state_snapshot("/x", NULL, false, NOW, NOW, &check);
    expect_result(CHECK_SNAPSHOT, &check, CHECK_PASS);
    check_state_snapshot("/x", "Permission denied", true, 0, NOW, &check);
    expect_result(CHECK_SNAPSHOT, &check, CHECK_UNKNOWN);
    check_state_snapshot("/x", "No such file", false, 0, NOW, &check);
    expect_result(CHECK_SNAPSHOT, &check, CHECK_FAIL);
    arena_free(arena);
}

static void
judges_drill_and_inside(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    const struct domain_state unset = {
        .same_as = "", .standby_route = "", .inside = INSIDE_UNSET};
    const struct domain_state set = {
        .same_as = "", .standby_route = "", .inside = INSIDE_RELAY};
    struct check check;

    (void)state;
    check_begin(&check, arena);
    check_state_drill(NULL, NULL, NOW - 7 * DAY, NOW, &check);
    expect_result(CHECK_DRILL, &check, CHECK_PASS);
    check_state_drill(NULL, "Redis is away", 0, NOW, &check);
    expect_result(CHECK_DRILL, &check, CHECK_UNKNOWN);
    check_begin(&check, arena);
    check_state_drill(NULL, NULL, NOW - 8 * DAY, NOW, &check);
    expect_result(CHECK_DRILL, &check, CHECK_FAIL);
    check_begin(&check, arena);
    check_state_drill(NULL, NULL, 0, NOW, &check);
    expect_result(CHECK_DRILL, &check, CHECK_FAIL);
    check_begin(&check, arena);
    check_state_inside(NULL, NULL, &check);
    expect_result(CHECK_INSIDE, &check, CHECK_FAIL);
    check_begin(&check, arena);
    check_state_inside(&unset, NULL, &check);
    expect_result(CHECK_INSIDE, &check, CHECK_FAIL);
    check_begin(&check, arena);
    check_state_inside(&set, NULL, &check);
    expect_result(CHECK_INSIDE, &check, CHECK_PASS);
    check_state_from_old(NULL, 0, 7, &check);
    check_state_from_old("there are no books", 0, 7, &check);
    check_state_from_old(NULL, 12, 7, &check);
    expect_result(CHECK_INSIDE, &check, CHECK_PASS);
    assert_non_null(strstr(check_found(&check, arena), "12 mails from old"));
    check_state_inside(NULL, "Redis is away", &check);
    expect_result(CHECK_INSIDE, &check, CHECK_UNKNOWN);
    check_begin(&check, arena);
    check_state_spool(NULL, 2000, 1000, &check);
    check_state_spool("there are no books", 0, 0, &check);
    expect_result(CHECK_DRILL, &check, CHECK_PASS);
    check_state_spool(NULL, 1999, 1000, &check);
    expect_result(CHECK_DRILL, &check, CHECK_FAIL);
    arena_free(arena);
}

static void
has_three_of_each(void **state)
{
    (void)state;
    three_count(THREE_CHECK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_worst_of_its_lines),
        cmocka_unit_test(counts_three_things),
        cmocka_unit_test(has_a_whole_row_for_each),
        cmocka_unit_test(judges_postfix),
        cmocka_unit_test(judges_vectors_gateways_and_clocks),
        cmocka_unit_test(judges_redis),
        cmocka_unit_test(judges_pins_and_snapshot),
        cmocka_unit_test(judges_drill_and_inside),
        cmocka_unit_test(has_three_of_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
