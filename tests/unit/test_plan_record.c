/*
 * The hash of a plan: what each field may say, its defaults, and how one bad field spoils
 * the whole.
 */
#include "tests/unit/unit.h"

#include "policyd/plan/plan_record.h"
#include "shared/base/attributes.h"

#include <stdio.h>
#include <string.h>

enum { PAIRS_MAX = 30 };

/* Names and values in turn; NULL ends them. */
struct hash {
    const char *pairs[2 * PAIRS_MAX + 1];
};

static bool
parse(const struct hash *hash, struct plan_record *plan, struct domain_problem *problem)
{
    struct domain_field fields[PAIRS_MAX];
    size_t count = 0;

    for (; hash->pairs[2 * count] != NULL; count++) {
        fields[count].name = span_of(hash->pairs[2 * count]);
        fields[count].value = span_of(hash->pairs[2 * count + 1]);
    }
    return plan_record_parse(fields, count, plan, problem);
}

/* A plan of that one field. */
static bool
parse_one(const char *field, const char *value, struct plan_record *plan,
    struct domain_problem *problem)
{
    struct hash hash = {{field, value}};

    return parse(&hash, plan, problem);
}

static void
has_defaults(void **state)
{
    struct plan_record plan;
    struct domain_problem problem;

    (void)state;
    assert_true(plan_record_parse(NULL, 0, &plan, &problem));
    assert_int_equal(plan.state, PLAN_NONE);
    assert_int_equal(plan.stage_count, 3);
    assert_int_equal(plan.stages[0].weight, 3000);
    assert_int_equal(plan.stages[1].weight, 7000);
    assert_int_equal(plan.stages[2].weight, 10000);
    assert_int_equal(plan.stages[0].stay_ms, 72 * 3600000);
    assert_int_equal(plan.stages[1].stay_ms, 24 * 3600000);
    assert_int_equal(plan.stages[2].stay_ms, 24 * 3600000);
    assert_int_equal(plan.stage, 0);
    assert_int_equal(plan.window.count, 0);
    assert_string_equal(plan.timezone, "UTC");
    assert_int_equal(plan.freeze_until, 0);
    assert_int_equal(plan.min_success, 9995);
    assert_int_equal(plan.max_delay_ms, 1200);
    assert_int_equal(plan.new_rate, 0);
    assert_int_equal(plan.min_samples, 0);
    assert_int_equal(plan.slow.below, 9500);
    assert_int_equal(plan.slow.over_ms, 2 * 3600000);
    assert_int_equal(plan.slow.action, PLAN_ACTION_ROLLBACK);
    assert_int_equal(plan.fast.below, 5000);
    assert_int_equal(plan.fast.over_ms, 5 * 60000);
    assert_int_equal(plan.fast.action, PLAN_ACTION_FREEZE);
    assert_int_equal(plan.max_misprovisioned, 100);
    assert_false(plan.ordered || plan.has_weight || plan.edited);
    assert_string_equal(plan.why, "");
}

static void
reads_a_whole_hash(void **state)
{
    /* stays and stage stand before the stages that they are measured by. */
    static const struct hash hash = {{"stays", "1s 2s 500ms 0 3m", "stage", "4", "stages",
        "list:canary 12.5 list:it 70 100", "state", "paused", "since", "1790000000",
        "advance_window", "Mon-Fri 08:00-16:00", "timezone", "America/Port-au-Prince",
        "freeze_until", "2026-12-24T00:00:00+01:00", "min_success", "99.9", "max_delay",
        "2s", "new_rate", "20/s", "min_samples", "50", "slow", "90 1h", "fast", "40 30s",
        "slow_action", "freeze", "fast_action", "none", "max_misprovisioned", "0", "rev",
        "1790000001", "order", "advance", "past", "stay window", "step", "5", "step_by",
        "gw1.example.com", "step_since", "1790000002", "weight", "70", "edited", "yes",
        "why",
        "gr\xc3\xbc\xc3\x9f"
        "e",
        "a_field_of_tomorrow", "\x01"}};
    struct plan_record plan;
    struct domain_problem problem;

    (void)state;
    assert_true(parse(&hash, &plan, &problem));
    assert_int_equal(plan.stage_count, 5);
    assert_string_equal(plan.stages[0].list, "canary");
    assert_int_equal(plan.stages[0].weight, 0);
    assert_string_equal(plan.stages[1].list, "");
    assert_int_equal(plan.stages[1].weight, 1250);
    assert_string_equal(plan.stages[2].list, "it");
    assert_int_equal(plan.stages[2].weight, 1250);
    assert_int_equal(plan.stages[2].stay_ms, 500);
    assert_int_equal(plan.stages[3].stay_ms, 0);
    assert_int_equal(plan.stages[4].stay_ms, 180000);
    assert_int_equal(plan.state, PLAN_PAUSED);
    assert_int_equal(plan.stage, 4);
    assert_int_equal(plan.since, 1790000000);
    assert_int_equal(plan.window.count, 1);
    assert_string_equal(plan.timezone, "America/Port-au-Prince");
    assert_int_equal(plan.freeze_until, 1798066800);
    assert_int_equal(plan.min_success, 9990);
    assert_int_equal(plan.max_delay_ms, 2000);
    assert_int_equal(plan.new_rate, 20000);
    assert_int_equal(plan.min_samples, 50);
    assert_int_equal(plan.slow.below, 9000);
    assert_int_equal(plan.slow.action, PLAN_ACTION_FREEZE);
    assert_int_equal(plan.fast.over_ms, 30000);
    assert_int_equal(plan.fast.action, PLAN_ACTION_NONE);
    assert_int_equal(plan.max_misprovisioned, 0);
    assert_int_equal(plan.rev, 1790000001);
    assert_true(plan.ordered && plan.has_weight && plan.edited);
    assert_int_equal(plan.weight, 7000);
    assert_int_equal(plan.step, 5);
    assert_string_equal(plan.step_by, "gw1.example.com");
    assert_int_equal(plan.step_since, 1790000002);
    assert_string_equal(plan.why, "gr\xc3\xbc\xc3\x9f"
                                  "e");
}

static void
is_spoilt_by_one_bad_field(void **state)
{
    static const struct {
        const char *field;
        const char *value;
        const char *allowed; /* what the problem says */
    } rows[] = {
        {"stages", "", "at least one stage"},
        {"stages", "  ", "at least one stage"},
        {"stages", "30 30", "that rise"},
        {"stages", "70 30", "that rise"},
        {"stages", "30 list:it 30", "that rise"},
        {"stages", "0 100", "above 0"},
        {"stages", "30,70,100", "percentages"},
        {"stages", "30% 70%", "percentages"},
        {"stages", "30 101", "percentages"},
        {"stages", "-1", "percentages"},
        {"stages", "canary 30", "percentages"},
        {"stages", "list: 30", "list:"},
        {"stages", "list:a/b", "list:"},
        {"stages", "list:exclude 30", "not exclude"},
        {"stages", "list:it 30 list:it", "stands once"},
        {"stages",
            "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 "
            "29 30 31 32 33",
            "at most 32"},
        {"stays", "3d 24h", "there are 3 stages"},
        {"stays", "3d 24h 24h 24h", "there are 3 stages"},
        {"stays", "", "one duration a stage"},
        {"stays", "3d 24h day", "one duration a stage"},
        {"stays", "3d 24h -1h", "one duration a stage"},
        {"stays", "3d 24h 24", "one duration a stage"},
        {"state", "none", "rolled-back"},
        {"state", "", "rolled-back"},
        {"state", "Running", "rolled-back"},
        {"state", "rolled_back", "rolled-back"},
        {"stage", "4", "which of the 3"},
        {"stage", "-1", "which of the 3"},
        {"stage", "30%", "which of the 3"},
        {"step", "4", "which of the 3"},
        {"since", "yesterday", "unix time"},
        {"since", "-5", "unix time"},
        {"since", "99999999999999999999", "unix time"},
        {"since", "1790000000.5", "unix time"},
        {"step_since", "x", "unix time"},
        {"advance_window", "office hours", "Mon-Fri 08:00-16:00"},
        {"advance_window", "", "Mon-Fri 08:00-16:00"},
        {"timezone", "", "Europe/Berlin"},
        {"timezone", "../../etc/passwd", "Europe/Berlin"},
        {"timezone", "/etc/localtime", "Europe/Berlin"},
        {"timezone", ":UTC", "Europe/Berlin"},
        {"timezone", "Europe Berlin", "Europe/Berlin"},
        {"timezone", "a234567890123456789012345678901234567890123456789012345678901234",
            "Europe/Berlin"},
        {"freeze_until", "2026-12-24", "2026-12-24T"},
        {"freeze_until", "1790000000", "2026-12-24T"},
        {"min_success", "99.955", "percent"},
        {"min_success", "101", "percent"},
        {"max_delay", "1.2", "1.2s"},
        {"max_delay", "1.2ms", "1.2s"},
        {"max_delay", "0", "above 0"},
        {"max_delay", "0.0s", "above 0"},
        {"max_delay", "-1s", "above 0"},
        {"max_delay", "s", "above 0"},
        {"max_delay", "1.2345s", "1.2s"},
        {"new_rate", "20", "20/s"},
        {"new_rate", "20/m", "20/s"},
        {"new_rate", "0/s", "above 0"},
        {"new_rate", "-1/s", "above 0"},
        {"new_rate", "/s", "20/s"},
        {"min_samples", "0", "1 to"},
        {"min_samples", "1e9", "1 to"},
        {"min_samples", "1000000001", "1 to"},
        {"slow", "95", "95 2h"},
        {"slow", "95 2h 3h", "95 2h"},
        {"slow", "2h 95", "95 2h"},
        {"slow", "95% 2h", "95 2h"},
        {"fast", "50 0", "95 2h"},
        {"fast", "50 8d", "at most 7d"},
        {"slow_action", "stop", "freeze"},
        {"fast_action", "", "freeze"},
        {"max_misprovisioned", "many", "0 to"},
        {"rev", "-1", "rev"},
        {"rev", "9007199254740993", "rev"},
        {"order", "start", "advance"},
        {"order", "", "advance"},
        {"past", "stay;DEL", "gates"},
        {"past", "STAY", "gates"},
        {"step_by", "two words", "gateway"},
        {"step_by", "a\nb", "gateway"},
        {"weight", "30%", "percent"},
        {"edited", "1", "yes or no"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plan_record plan;
        struct domain_problem problem = {0};
        struct hash hash = {{"state", "waiting", rows[i].field, rows[i].value}};

        if (strcmp(rows[i].field, "state") == 0)
            hash.pairs[0] = "other";
        if (parse(&hash, &plan, &problem))
            fail_msg("taken: %s \"%s\"", rows[i].field, rows[i].value);
        assert_string_equal(problem.field, rows[i].field);
        if (strstr(problem.text, rows[i].allowed) == NULL)
            fail_msg("%s \"%s\": %s", rows[i].field, rows[i].value, problem.text);
        if (strpbrk(rows[i].value, "\n") == NULL)
            assert_string_equal(problem.value, rows[i].value);
        /* Nobody who forgot to ask may move anything by it. */
        assert_int_equal(plan.state, PLAN_NONE);
        assert_int_equal(plan.stage, 0);
    }
}

static void
takes_what_is_allowed(void **state)
{
    static const struct {
        const char *field;
        const char *value;
    } rows[] = {
        {"stages", "0.01"},
        {"stages", "100"},
        {"stages", "list:a.b-c_1"},
        {"stages", " 30\t70  100 "},
        {"stays", "0 0 0"},
        {"state", "waiting"},
        {"state", "rolled-back"},
        {"state", "aborted"},
        {"stage", "3"},
        {"timezone", "Etc/GMT+1"},
        {"timezone", "US/East-Indiana"},
        {"min_success", "0"},
        {"min_success", "100"},
        {"max_delay", "0.001s"},
        {"max_delay", "1200ms"},
        {"new_rate", "0.5/s"},
        {"slow", "0 7d"},
        {"fast", "100 1s"},
        {"max_misprovisioned", "1000000000"},
        {"past", ""},
        {"step_by", ""},
        {"why", ""},
    };
    struct plan_record plan;
    struct domain_problem problem;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (!parse_one(rows[i].field, rows[i].value, &plan, &problem))
            fail_msg("%s \"%s\": %s", rows[i].field, rows[i].value, problem.text);
    }
    assert_true(parse_one("max_delay", "1.2s", &plan, &problem));
    assert_int_equal(plan.max_delay_ms, 1200);
    assert_true(parse_one("new_rate", "0.5/s", &plan, &problem));
    assert_int_equal(plan.new_rate, 500);
}

static void
wants_a_stage_where_one_is_in_force(void **state)
{
    static const struct {
        const char *state;
        const char *stage;
        bool good;
    } rows[] = {
        {"waiting", "0", true},
        {"running", "0", false},
        {"running", "1", true},
        {"paused", "0", true},
        {"rolled-back", "0", true},
        {"done", "0", false},
        {"done", "3", true},
        {"aborted", "0", true},
    };
    struct domain_problem problem;
    struct plan_record plan;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct hash hash = {{"state", rows[i].state, "stage", rows[i].stage}};

        assert_int_equal(parse(&hash, &plan, &problem), rows[i].good);
        if (!rows[i].good)
            assert_string_equal(problem.field, "stage");
    }
    assert_false(parse_one("state", "running", &plan, &problem));
    assert_string_equal(problem.field, "stage");
}

static void
refuses_a_field_twice_and_too_many(void **state)
{
    static const struct hash twice = {{"rev", "1", "stage", "1", "rev", "1"}};
    struct domain_field fields[PLAN_FIELDS_MAX + 1];
    char names[PLAN_FIELDS_MAX + 1][8];
    struct plan_record plan;
    struct domain_problem problem;

    (void)state;
    assert_false(parse(&twice, &plan, &problem));
    assert_string_equal(problem.field, "rev");
    assert_string_equal(problem.text, "stands twice");
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "f%zu", i);
        fields[i] = (struct domain_field){span_of(names[i]), SPAN("x")};
    }
    assert_true(plan_record_parse(fields, PLAN_FIELDS_MAX, &plan, &problem));
    assert_false(plan_record_parse(fields, PLAN_FIELDS_MAX + 1, &plan, &problem));
}

static void
takes_as_many_stages_as_there_may_be(void **state)
{
    char stages[8 * PLAN_STAGES_MAX] = "";
    char stays[8 * PLAN_STAGES_MAX] = "";
    struct hash hash = {{"stages", stages, "stays", stays}};
    struct plan_record plan;
    struct domain_problem problem;

    (void)state;
    for (unsigned i = 1; i <= PLAN_STAGES_MAX; i++) {
        (void)snprintf(stages + strlen(stages), 8, "%u ", i);
        (void)snprintf(stays + strlen(stays), 8, "%us ", i);
    }
    assert_true(parse(&hash, &plan, &problem));
    assert_int_equal(plan.stage_count, PLAN_STAGES_MAX);
    assert_int_equal(plan.stages[31].weight, 3200);
    assert_int_equal(plan.stages[31].stay_ms, 32000);
    (void)snprintf(stays + strlen(stays), 8, "33s");
    assert_false(parse(&hash, &plan, &problem));
    assert_string_equal(problem.field, "stays");
}

static void
has_stays_by_the_kind_of_stage(void **state)
{
    struct plan_record plan;
    struct domain_problem problem;

    (void)state;
    assert_true(parse_one("stages", "list:a list:b 30 list:c 70", &plan, &problem));
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(plan.stages[i].stay_ms, (i == 2 ? 72 : 24) * 3600000);
}

static void
shows_only_what_can_be_shown_of_why(void **state)
{
    static const struct {
        const char *why;
        const char *wanted;
    } rows[] = {
        {"a\nb\x1b[31m", "a?b?[31m"},
        {"\xff\xc3", "??"},
        {"\xe2\x80\xae"
         "abc",
            "?abc"},
        {"\xc3\xa4\xc2\x9b"
         "x",
            "\xc3\xa4?x"},
    };
    struct plan_record plan;
    struct domain_problem problem;
    char text[2 * PLAN_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_true(parse_one("why", rows[i].why, &plan, &problem));
        assert_string_equal(plan.why, rows[i].wanted);
    }
    /* An ae that would be halved at the end is left out. */
    memset(text, 'x', PLAN_TEXT_MAX - 2);
    (void)snprintf(text + PLAN_TEXT_MAX - 2, 8, "\xc3\xa4");
    assert_true(parse_one("why", text, &plan, &problem));
    assert_int_equal(strlen(plan.why), PLAN_TEXT_MAX - 2);
}

static void
passes_over_named_gates_of_an_order_alone(void **state)
{
    static const struct hash ordered = {{"order", "advance", "past", "stay  window"}};
    static const struct hash old = {{"past", "stay window"}};
    struct plan_record plan;
    struct domain_problem problem;

    (void)state;
    assert_true(parse(&ordered, &plan, &problem));
    assert_true(plan_record_is_past(&plan, "stay"));
    assert_true(plan_record_is_past(&plan, "window"));
    assert_false(plan_record_is_past(&plan, "success"));
    assert_false(plan_record_is_past(&plan, "sta"));
    assert_false(plan_record_is_past(&plan, ""));
    assert_true(parse(&old, &plan, &problem));
    assert_false(plan_record_is_past(&plan, "stay"));
}

static void
names_states_and_stages(void **state)
{
    struct plan_record plan;
    struct domain_problem problem;
    char name[80];

    (void)state;
    for (enum plan_state i = PLAN_WAITING; i < PLAN_STATES; i++) {
        struct hash hash = {{"state", plan_state_name(i), "stage", "1"}};

        assert_true(parse(&hash, &plan, &problem));
        assert_int_equal(plan.state, i);
    }
    assert_string_equal(plan_state_name(PLAN_NONE), "none");
    assert_true(parse_one("stages", "list:canary 12.5", &plan, &problem));
    plan_stage_name(&plan.stages[0], name);
    assert_string_equal(name, "the list canary");
    plan_stage_name(&plan.stages[1], name);
    assert_string_equal(name, "12.5 %");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(reads_a_whole_hash),
        cmocka_unit_test(is_spoilt_by_one_bad_field),
        cmocka_unit_test(takes_what_is_allowed),
        cmocka_unit_test(wants_a_stage_where_one_is_in_force),
        cmocka_unit_test(refuses_a_field_twice_and_too_many),
        cmocka_unit_test(takes_as_many_stages_as_there_may_be),
        cmocka_unit_test(has_stays_by_the_kind_of_stage),
        cmocka_unit_test(shows_only_what_can_be_shown_of_why),
        cmocka_unit_test(passes_over_named_gates_of_an_order_alone),
        cmocka_unit_test(names_states_and_stages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
