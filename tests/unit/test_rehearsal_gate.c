/*
 * The gate of a rehearsal: yes, no and not known, and how it says so; what several
 * gateways say together.
 */
#include "tests/unit/unit.h"

#include "policyd/rehearsal/rehearsal_gate.h"
#include "shared/base/attributes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NOW = 1764000000 };

static const struct plan_stage seventy = {.weight = 7000};

static bool
add(struct rehearsal_view *view, const char *gateway, int64_t ago, const char *rest)
{
    char value[REHEARSAL_TEXT_MAX];

    (void)snprintf(value, sizeof(value), "%" PRId64 " %s", (int64_t)NOW - ago, rest);
    return rehearsal_view_add(view, span_of(gateway), span_of(value), NOW);
}

static void
it_says_value_limit_and_what_it_waits_for(void **state)
{
    static const struct {
        const char *what;
        const char *sum; /* behind its time; NULL: nobody said anything */
        int64_t ago;
        unsigned limit;
        enum plan_answer answer;
        const char *text;
    } rows[] = {
        {"enough are clean", "70 100 100 95 5 0 0", 1, 9500, PLAN_YES,
            "95.00 % of 100 movers with mail in 7 days are clean, 95 % is the limit: 5 "
            "refused"},
        {"enough, though not all were asked", "70 100 96 96 0 0 0", 1, 9500, PLAN_YES,
            "96.00 % of 100 movers with mail in 7 days are clean, 95 % is the limit: 4 "
            "not asked so far"},
        {"it can't be reached", "70 100 50 44 5 1 0", 1, 9500, PLAN_NO,
            "44.00 % of 100 movers with mail in 7 days are clean, 95 % are wanted: 5 "
            "refused, 1 deferred, 50 not asked so far"},
        {"too few were asked", "70 100 50 48 2 0 0", 1, 9500, PLAN_NOT_KNOWN,
            "48.00 % of 100 movers with mail in 7 days are clean, 95 % are wanted: 2 "
            "refused, 50 not asked so far"},
        {"new takes all", "70 3 3 0 0 0 3 new takes an address that nobody has", 1, 9500,
            PLAN_NOT_KNOWN,
            "0.00 % of 3 movers with mail in 7 days are clean, 95 % are wanted: 3 can't "
            "be told; new takes an address that nobody has"},
        {"no limit is no question", "70 4 4 0 4 0 0", 1, 0, PLAN_YES,
            "0.00 % of 4 movers with mail in 7 days are clean, 0 % is the limit: 4 "
            "refused"},
        {"nobody moves", "70 0 0 0 0 0 0 the books are being read", 1, 9500,
            PLAN_NOT_KNOWN,
            "nobody who moves had mail in 7 days that is in the books; the books are "
            "being read"},
        {"silent", "70 100 100 100 0 0 0", 180, 9500, PLAN_NOT_KNOWN,
            "postshift-rehearsal of gw1 has said nothing for 3 min"},
        {"another stage", "30 100 100 100 0 0 0", 1, 9500, PLAN_NOT_KNOWN,
            "those who move with 70 are being found"},
        {"not all of them are known", "? 100 100 100 0 0 0 the books are being read", 1,
            9500, PLAN_NOT_KNOWN,
            "those who move with 70 are being found; the books are being read"},
        {"never", NULL, 0, 9500, PLAN_NOT_KNOWN,
            "nobody was asked yet: postshift-rehearsal has said nothing"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct rehearsal_view view = {.gateways = 0};
        struct plan_opinion opinion = {.text = ""};

        if (rows[i].sum != NULL)
            assert_true(add(&view, "gw1", rows[i].ago, rows[i].sum));
        rehearsal_gate_ask(&view, &seventy, rows[i].limit, NOW, &opinion);
        if (opinion.answer != rows[i].answer || strcmp(opinion.text, rows[i].text) != 0)
            fail_msg("%s: %s, %s", rows[i].what, plan_answer_name(opinion.answer),
                opinion.text);
    }
}

static void
behind_the_last_stage_nobody_is_asked_about(void **state)
{
    const struct rehearsal_view view = {.gateways = 0};
    struct plan_opinion opinion = {.text = ""};

    (void)state;
    rehearsal_gate_ask(&view, NULL, 9500, NOW, &opinion);
    assert_int_equal(opinion.answer, PLAN_YES);
}

static void
gateways_are_summed_and_one_that_is_silent_is_named(void **state)
{
    struct rehearsal_view view = {.gateways = 0};
    struct plan_opinion opinion = {.text = ""};

    (void)state;
    assert_true(add(&view, "gw1", 2, "70 60 60 60 0 0 0"));
    assert_true(add(&view, "gw2", 3, "70 40 40 36 4 0 0"));
    rehearsal_gate_ask(&view, &seventy, 9500, NOW, &opinion);
    assert_int_equal(opinion.answer, PLAN_YES);
    assert_non_null(strstr(opinion.text, "96.00 % of 100 movers"));
    /* One that was taken down eight days ago is no gateway any more. */
    assert_false(add(&view, "gone", REHEARSAL_FORGOTTEN_S + 1, "70 1 0 0 0 0 0"));
    assert_false(rehearsal_view_add(&view, SPAN("bad"), SPAN("nonsense"), NOW));
    assert_false(rehearsal_view_add(&view, SPAN("b\nd"), SPAN("1 70 0 0 0 0 0 0"), 1));
    assert_true(add(&view, "gw3", 300, "70 10 10 10 0 0 0"));
    rehearsal_gate_ask(&view, &seventy, 9500, NOW, &opinion);
    assert_int_equal(opinion.answer, PLAN_NOT_KNOWN);
    assert_non_null(strstr(opinion.text, "gw3 has said nothing for 5 min"));
}

static void
gateways_that_ask_about_different_stages_are_not_summed(void **state)
{
    struct rehearsal_view view = {.gateways = 0};
    struct plan_opinion opinion = {.text = ""};

    (void)state;
    assert_true(add(&view, "gw1", 2, "70 60 60 60 0 0 0"));
    assert_true(add(&view, "gw2", 3, "30 40 40 40 0 0 0"));
    rehearsal_gate_ask(&view, &seventy, 9500, NOW, &opinion);
    assert_int_equal(opinion.answer, PLAN_NOT_KNOWN);
}

static void
the_limit_is_no_or_a_percentage(void **state)
{
    struct error error;
    unsigned limit;
    bool is_on;

    (void)state;
    assert_true(rehearsal_limit_parse(SPAN("no"), &is_on, &limit, &error));
    assert_false(is_on);
    assert_true(rehearsal_limit_parse(SPAN("99.5"), &is_on, &limit, &error));
    assert_true(is_on && limit == 9950);
    assert_false(rehearsal_limit_parse(SPAN("yes"), &is_on, &limit, &error));
    assert_string_equal(error.text, "\"yes\" is neither no nor a percentage (95)");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_value_limit_and_what_it_waits_for),
        cmocka_unit_test(behind_the_last_stage_nobody_is_asked_about),
        cmocka_unit_test(gateways_are_summed_and_one_that_is_silent_is_named),
        cmocka_unit_test(gateways_that_ask_about_different_stages_are_not_summed),
        cmocka_unit_test(the_limit_is_no_or_a_percentage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
