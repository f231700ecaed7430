/*
 * The answers of several gateways become one, and what is no answer is refused.
 */
#include "tests/unit/unit.h"

#include "policyd/ctl/ctl_fleet_audit.h"
#include "policyd/ctl/ctl_fleet_report.h"
#include "policyd/ctl/ctl_fleet_trace.h"

#include <string.h>

static struct arena *arena;

static int
begin(void **state)
{
    (void)state;
    arena = arena_new(64 << 20);
    return 0;
}

static int
finish(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* Gateways gw0, gw1, ... said this; NULL: nothing. */
static void
answer(struct fleet *fleet, const char *const *texts, size_t count)
{
    static const char *const hosts[] = {"gw0", "gw1", "gw2", "gw3"};

    *fleet = (struct fleet){.count = count};
    for (size_t i = 0; i < count; i++) {
        struct error error = {ERROR_NONE, ""};

        fleet->answers[i].host = hosts[i];
        if (texts[i] == NULL) {
            fleet->silent[fleet->silent_count++] = hosts[i];
            continue;
        }
        fleet->answers[i].document = ctl_json_parse(arena, span_of(texts[i]), &error);
        assert_string_equal(error.text, "");
    }
}

/* --- traces --- */

#define LEG(id, begun, host, reply)                                                      \
    "{\"queue_id\": \"" id "\", \"host\": \"" host "\", \"begun\": " begun               \
    ", \"accepted\": " begun ", \"removed\": 0, \"size\": 9, \"from\": \"s@x\","         \
    " \"verdicts\": [\"v\"], \"recipients_left_out\": 0, \"recipients\": [{\"to\":"      \
    " \"a@example.com\", \"end\": \"delivered\", \"backend\": \"other\", "               \
    "\"time\": " begun ", \"reply\": \"" reply "\", \"attempts\": 1, \"delay_ms\": 5}]}"
#define STORY(message_id, legs)                                                          \
    "{\"message_id\": \"" message_id "\", \"from\": \"s@x\", \"legs\": [" legs "]}"
#define TRACE(stories) "{\"stories\": [" stories "], \"more\": false}"

static void
makes_one_story_of_a_mail_that_went_on(void **state)
{
    static const struct {
        const char *texts[3];
        size_t stories;
        size_t legs; /* of the first */
    } rows[] = {
        {{TRACE(STORY("m", LEG("A1", "5", "gw0", "250 Ok: queued as B1"))),
             TRACE(STORY("m", LEG("B1", "6", "gw1", "250 stored")))},
            1, 2},
        /* In whatever order they came, over three gateways. */
        {{TRACE(STORY("m", LEG("C1", "7", "gw0", "250 stored"))),
             TRACE(STORY("m", LEG("B1", "6", "gw1", "250 Ok: queued as C1)"))),
             TRACE(STORY("m", LEG("A1", "5", "gw2", "250 Ok: queued as B1")))},
            1, 3},
        /* Another id, the beginning of one, another Message-ID, none. */
        {{TRACE(STORY("m", LEG("A1", "5", "gw0", "250 Ok: queued as B2"))),
             TRACE(STORY("m", LEG("B1", "6", "gw1", "250 stored")))},
            2, 1},
        {{TRACE(STORY("m", LEG("A1", "5", "gw0", "250 Ok: queued as B12"))),
             TRACE(STORY("m", LEG("B1", "6", "gw1", "250 stored")))},
            2, 1},
        {{TRACE(STORY("m", LEG("A1", "5", "gw0", "250 Ok: queued as B1"))),
             TRACE(STORY("n", LEG("B1", "6", "gw1", "250 stored")))},
            2, 1},
        {{TRACE(STORY("", LEG("A1", "5", "gw0", "250 Ok: queued as B1"))),
             TRACE(STORY("", LEG("B1", "6", "gw1", "250 stored")))},
            2, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fleet fleet;
        struct trace_story *stories;
        size_t count;
        bool more;

        answer(&fleet, rows[i].texts, rows[i].texts[2] != NULL ? 3 : 2);
        ctl_fleet_trace(arena, &fleet, &stories, &count, &more);
        assert_int_equal(fleet.silent_count, 0);
        assert_int_equal(count, rows[i].stories);
        assert_int_equal(stories[0].leg_count, rows[i].legs);
        assert_true(span_is(stories[0].legs[0].queue_id, "A1"));
        for (size_t n = 1; n < stories[0].leg_count; n++)
            assert_true(stories[0].legs[n - 1].begun_ms < stories[0].legs[n].begun_ms);
    }
}

static void
refuses_what_is_no_trace(void **state)
{
    static const char *const bad[] = {"{}", "{\"stories\": 5}", "{\"stories\": [5]}",
        "{\"stories\": [{}]}", TRACE(STORY("m", "")), TRACE(STORY("m", "{}")),
        TRACE(STORY("m", LEG("", "5", "gw0", ""))),
        TRACE(STORY("m", LEG("A1", "-5", "gw0", ""))),
        TRACE(STORY("m", LEG("A1", "1e99", "gw0", ""))),
        TRACE(STORY("m", LEG("A1", "\"5\"", "gw0", "")))};
    const char *texts[2] = {NULL, TRACE(STORY("m", LEG("A1", "5", "gw0", "250 stored")))};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fleet fleet;
        struct trace_story *stories;
        size_t count;
        bool more;

        texts[0] = bad[i];
        answer(&fleet, texts, 2);
        ctl_fleet_trace(arena, &fleet, &stories, &count, &more);
        assert_int_equal(fleet.silent_count, 1);
        assert_string_equal(fleet.silent[0], "gw0");
        assert_string_equal(fleet.answers[0].why, "its answer is no trace");
        assert_int_equal(count, 1);
    }
}

/* --- audits --- */

#define AUDIT(balanced, accepted, delivered, waiting, oldest, lost)                      \
    "{\"balanced\": " balanced                                                           \
    ", \"since\": null, \"until\": null, \"accepted\": " accepted                        \
    ", \"delivered\": " delivered ", \"waiting\": " waiting                              \
    ", \"bounced\": 0, \"expired\": 0, \"discarded\": 0, \"deleted\": 0, \"replaced\":"  \
    " 0, \"probes\": 1, \"notices\": 0, \"begun\": 0, \"messages\": 2, \"stories\": 2,"  \
    " \"oldest_waiting\": " oldest ", \"backends\": {\"other\": 0, \"old\": 1, \"new\":" \
    " 1, \"standby\": 0}, \"lost\": [" lost "], \"double\": [], \"misrouted\": [],"      \
    " \"queue_only\": [], \"books_only\": [], \"gaps\": [{\"from\": 1, \"to\": 2,"       \
    " \"why\": \"x\"}], \"unknown_forms\": 3, \"queue_silent\": null}"

static void
adds_audits_up(void **state)
{
    static const char *const texts[] = {AUDIT("true", "5", "3", "2", "900", ""),
        AUDIT("true", "7", "6", "0", "null", "\"A1\"")};
    struct audit_findings findings;
    struct fleet fleet;

    (void)state;
    answer(&fleet, texts, 2);
    assert_true(ctl_fleet_audit(arena, &fleet, &findings));
    assert_int_equal(findings.audit.accepted, 12);
    assert_int_equal(findings.audit.ends[END_DELIVERED], 9);
    assert_int_equal(findings.audit.ends[END_WAITING], 2);
    assert_int_equal(findings.audit.ends[END_LOST], 1);
    assert_int_equal(findings.audit.oldest_waiting_ms, 900000);
    assert_int_equal(findings.audit.backends[BACKEND_NEW], 2);
    assert_int_equal(findings.audit.gap_count, 2);
    assert_string_equal(findings.audit.gaps[1].why, "gw1: x");
    assert_int_equal(findings.audit.lost.total, 1);
    assert_string_equal(findings.audit.lost.ids[0], "A1");
    assert_int_equal(findings.audit.unknown_forms, 6);
}

static void
balances_where_all_do_and_all_have_answered(void **state)
{
    static const struct {
        const char *texts[2];
        size_t silent;
    } rows[] = {
        {{AUDIT("false", "5", "3", "2", "900", ""),
             AUDIT("true", "1", "1", "0", "null", "")},
            0},
        {{NULL, AUDIT("true", "1", "1", "0", "null", "")}, 1},
        {{"{}", AUDIT("true", "1", "1", "0", "null", "")}, 1},
        {{AUDIT("\"yes\"", "5", "3", "2", "900", ""),
             AUDIT("true", "1", "1", "0", "null", "")},
            1},
        {{AUDIT("true", "-5", "3", "2", "900", ""),
             AUDIT("true", "1", "1", "0", "null", "")},
            1},
        {{AUDIT("true", "5", "3", "2", "900", "\"\\u001b[31m\""),
             AUDIT("true", "1", "1", "0", "null", "")},
            1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct audit_findings findings;
        struct fleet fleet;

        answer(&fleet, rows[i].texts, 2);
        assert_false(ctl_fleet_audit(arena, &fleet, &findings));
        assert_int_equal(findings.silent_count, rows[i].silent);
    }
}

/* --- reports --- */

static const char *
sides(const char *ok, const char *p95)
{
    static const char form[] =
        "\"%s\": {\"ok\": %s, \"fail\": 1, \"other\": 0, \"p50_ms\":"
        " null, \"p95_ms\": %s}";
    const char *old = arena_printf(arena, form, "old", ok, p95);
    const char *new = arena_printf(arena, form, "new", ok, p95);
    const char *standby = arena_printf(arena, form, "standby", "0", "null");

    return arena_printf(arena, "{%s, %s, %s}", old, new, standby);
}

static const char *
slices(void)
{
    const char *all = "";

    for (int i = 0; i < REPORT_SLICES; i++)
        all = arena_printf(arena,
            "%s%s{\"time\": 1, \"seen\": 1, \"dmarc_fail\": 0, \"infected\": 0,"
            " \"spam\": 0, \"refused\": 0, \"sides\": %s}",
            all, i > 0 ? ", " : "", sides("1", "2"));
    return all;
}

static const char *
report_of(
    const char *mails, const char *moved, const char *ok, const char *p95, const char *at)
{
    const char *numbers = arena_printf(arena,
        "\"since\": 100, \"until\": 200, \"mails\": %s, \"recipients\": 9, \"delivered\":"
        " 8, \"bounced\": 1, \"expired\": 0, \"removed\": 0, \"waiting\": 0, \"lost\": 0,"
        " \"double\": 0, \"units_moved\": %s, \"units_pinned_back\": 0, \"rollbacks\": 1,"
        " \"started\": 50, \"quarantine\": {\"held\": 1, \"waiting\": 0, \"released\": 1,"
        " \"deleted\": 0}, \"oldest_waiting\": null",
        mails, moved);
    const char *changes = arena_printf(arena,
        "[{\"time\": %s, \"domain\": \"example.com\", \"what\": \"weight\", \"from\":"
        " \"0\", \"to\": \"30\", \"before\": %s, \"after\": %s}]",
        at, sides("1", "1"), sides("2", "2"));

    return arena_printf(arena,
        "{%s, \"sides\": %s, \"tls\": {\"old\": {\"TLSv1.3\": 2, \"unknown\": 1},"
        " \"new\": {}, \"standby\": {}}, \"changes\": %s, \"deferrals\": [{\"class\":"
        " \"rate\", \"backend\": \"new\", \"recipients\": 4, \"reply\": \"r\"}],"
        " \"slices\": [%s]}",
        numbers, sides(ok, p95), changes, slices());
}

static void
adds_reports_up(void **state)
{
    const char *const texts[] = {report_of("10", "3", "5", "40", "150"),
        report_of("20", "2", "6", "70", "152"), "{\"mails\": 1}",
        report_of("1", "0", "0", "null", "190")};
    struct report *report = arena_take(arena, sizeof(*report));
    struct fleet fleet;

    (void)state;
    answer(&fleet, texts, 4);
    assert_true(ctl_fleet_report(arena, &fleet, report, NULL));
    assert_int_equal(report->silent_count, 1);
    assert_string_equal(report->silent[0], "gw2");
    assert_int_equal(report->mails, 31);
    assert_int_equal(report->units_moved, 3);
    assert_int_equal(report->sides[REPORT_NEW].ok, 11);
    assert_int_equal(report->sides[REPORT_NEW].p95_ms, 70);
    assert_int_equal(report->sides[REPORT_NEW].p50_ms, -1);
    assert_int_equal(report->held.held, 3);
    assert_int_equal(report->tls_count[REPORT_OLD], 2);
    assert_int_equal(report->tls[REPORT_OLD][0].count, 6);
    /* Two heard of one change; the third of another. */
    assert_int_equal(report->change_count, 2);
    assert_int_equal(report->changes[0].after[REPORT_NEW].ok, 4);
    assert_int_equal(report->cause_count, 1);
    assert_int_equal(report->causes[0].recipients, 12);
    assert_int_equal(report->slices[29].seen, 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_one_story_of_a_mail_that_went_on),
        cmocka_unit_test(refuses_what_is_no_trace),
        cmocka_unit_test(adds_audits_up),
        cmocka_unit_test(balances_where_all_do_and_all_have_answered),
        cmocka_unit_test(adds_reports_up),
    };

    return cmocka_run_group_tests(tests, begin, finish);
}
