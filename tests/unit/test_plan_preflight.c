/*
 * What a kept preflight says to a plan, and when it is looked at again.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "policyd/plan/plan_preflight.h"
#include "shared/base/attributes.h"

enum { NOW = 1800000000, HOUR = 3600, DAY = 86400 };

static struct plan_preflight
kept(int64_t blocking_time, int64_t all_time, const char *failed, const char *unknown)
{
    struct plan_preflight result = {
        .is_there = true, .blocking_time = blocking_time, .all_time = all_time};

    (void)span_copy(span_of(failed), result.failed, sizeof(result.failed));
    (void)span_copy(span_of(unknown), result.unknown, sizeof(result.unknown));
    return result;
}

static void
reads_what_is_kept(void **state)
{
    struct plan_preflight read = {.is_there = false};

    (void)state;
    plan_preflight_take(&read, SPAN("host"), SPAN("gw"));
    plan_preflight_take(&read, SPAN("blocking_time"), SPAN("1800000000"));
    plan_preflight_take(&read, SPAN("all_time"), SPAN("soon"));
    plan_preflight_take(&read, SPAN("mx-gateways"), SPAN("fail"));
    plan_preflight_take(&read, SPAN("probe"), SPAN("unknown"));
    plan_preflight_take(&read, SPAN("size"), SPAN("good"));
    plan_preflight_take(&read, SPAN("class"), SPAN("pass"));
    plan_preflight_take(&read, SPAN("verify"), SPAN("skipped"));
    plan_preflight_take(&read, SPAN("tls"), SPAN("fail"));
    plan_preflight_take(&read, SPAN("inside"), SPAN("fail"));
    assert_true(read.is_there);
    assert_int_equal(read.blocking_time, NOW);
    assert_int_equal(read.all_time, 0);
    assert_string_equal(read.failed, "mx-gateways, inside");
    assert_string_equal(read.unknown, "probe, size");
}

static void
answers(void **state)
{
    static const struct plan_local local = {.weekday = 1, .minute = 480};
    const struct {
        struct plan_preflight kept;
        enum plan_preflight_mode mode;
        enum plan_answer wanted;
        const char *text; /* NULL: the gate is not there */
    } rows[] = {
        {{.is_there = false}, PREFLIGHT_KEPT, PLAN_NOT_KNOWN, NULL},
        {kept(NOW, NOW, "", ""), PREFLIGHT_NEVER, PLAN_NOT_KNOWN, NULL},
        {{.is_there = false}, PREFLIGHT_ALWAYS, PLAN_NOT_KNOWN, "not been looked at yet"},
        {kept(0, NOW, "", ""), PREFLIGHT_KEPT, PLAN_NOT_KNOWN, "not been looked at yet"},
        {kept(NOW, NOW, "", ""), PREFLIGHT_KEPT, PLAN_YES,
            "nothing blocks, looked at at 08:00"},
        {kept(NOW - HOUR, NOW, "", ""), PREFLIGHT_ALWAYS, PLAN_YES, "07:00"},
        {kept(NOW - HOUR - 1, NOW, "", ""), PREFLIGHT_KEPT, PLAN_NOT_KNOWN,
            "looked at again when the stay"},
        {kept(NOW + 6, NOW, "", ""), PREFLIGHT_KEPT, PLAN_NOT_KNOWN, "looked at again"},
        {kept(NOW, NOW, "probe", ""), PREFLIGHT_KEPT, PLAN_NO, "probe fails at 08:00"},
        {kept(NOW, NOW, "probe, size", "redis"), PREFLIGHT_KEPT, PLAN_NO,
            "probe, size fail at 08:00; not known: redis"},
        {kept(NOW - DAY, NOW, "probe", ""), PREFLIGHT_KEPT, PLAN_NO, "probe fails"},
        {kept(NOW, NOW, "", "redis"), PREFLIGHT_KEPT, PLAN_NOT_KNOWN,
            "redis could not be asked at 08:00"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plan_opinion opinion;

        plan_preflight_ask(
            &rows[i].kept, rows[i].mode, local, (int64_t)NOW * 1000, &opinion);
        if (rows[i].text == NULL ? opinion.text[0] != '\0'
                                 : strstr(opinion.text, rows[i].text) == NULL)
            fail_msg("%zu: %s", i, opinion.text);
        if (rows[i].text != NULL)
            assert_int_equal(opinion.answer, rows[i].wanted);
    }
}

static void
knows_when_it_is_due(void **state)
{
    const struct {
        struct plan_preflight kept;
        enum plan_preflight_mode mode;
        int64_t left_ms;
        enum plan_preflight_due wanted;
    } rows[] = {
        /* Never, or not yet told to. */
        {{.is_there = false}, PREFLIGHT_KEPT, 0, PREFLIGHT_NOTHING},
        {kept(0, 0, "", ""), PREFLIGHT_NEVER, 0, PREFLIGHT_NOTHING},
        /* All of them once a day, also where no stay runs. */
        {{.is_there = false}, PREFLIGHT_ALWAYS, INT64_MAX, PREFLIGHT_ALL},
        {kept(NOW - DAY, NOW - DAY, "", ""), PREFLIGHT_KEPT, INT64_MAX, PREFLIGHT_ALL},
        {kept(NOW - DAY, NOW - DAY + 1, "", ""), PREFLIGHT_KEPT, INT64_MAX,
            PREFLIGHT_NOTHING},
        {kept(NOW - 299, 0, "", ""), PREFLIGHT_KEPT, INT64_MAX, PREFLIGHT_NOTHING},
        /* A clock that went back. */
        {kept(NOW + DAY, NOW + DAY, "", ""), PREFLIGHT_KEPT, INT64_MAX, PREFLIGHT_ALL},
        /* Those that block, ten minutes before the stay is over. */
        {kept(NOW - HOUR, NOW - HOUR, "", ""), PREFLIGHT_KEPT, 600001, PREFLIGHT_NOTHING},
        {kept(NOW - HOUR, NOW - HOUR, "", ""), PREFLIGHT_KEPT, 600000,
            PREFLIGHT_BLOCKING},
        {kept(NOW - HOUR + 601, NOW - HOUR, "", ""), PREFLIGHT_KEPT, -5,
            PREFLIGHT_NOTHING},
        {kept(NOW - HOUR + 600, NOW - HOUR, "", ""), PREFLIGHT_KEPT, -5,
            PREFLIGHT_BLOCKING},
        /* While it isn't good, every five minutes. */
        {kept(NOW - 299, NOW - HOUR, "probe", ""), PREFLIGHT_KEPT, -5, PREFLIGHT_NOTHING},
        {kept(NOW - 300, NOW - HOUR, "probe", ""), PREFLIGHT_KEPT, -5,
            PREFLIGHT_BLOCKING},
        {kept(NOW - 300, NOW - HOUR, "", "redis"), PREFLIGHT_KEPT, -5,
            PREFLIGHT_BLOCKING},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (plan_preflight_due(&rows[i].kept, rows[i].mode, rows[i].left_ms, NOW) !=
            rows[i].wanted)
            fail_msg("row %zu", i);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_kept),
        cmocka_unit_test(answers),
        cmocka_unit_test(knows_when_it_is_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
