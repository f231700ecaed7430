/*
 * Gates: what each answers and how it says so, what is not known, and what an order
 * passes over.
 */
#include "tests/unit/unit.h"

#include "policyd/plan/plan_gates.h"
#include "shared/base/attributes.h"

#include <stdio.h>
#include <string.h>

enum { SLOT_MS = 60000 };

/* Monday 2026-11-30 12:00 in Berlin. */
#define NOW INT64_C(1796036400)
#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

/* What the facts are made of; zeroes: a stage of three days that began an hour ago, and
 * no traffic. */
struct scene {
    struct plan_gate gates[PLAN_GATES];
    size_t count;
    struct plan_record plan;
    struct plan_facts facts;
    struct plan_series series;
    struct judge judge;
    struct judge slow;
};

static void
scene_begin(struct scene *scene)
{
    struct domain_problem problem;

    memset(scene, 0, sizeof(*scene));
    assert_true(plan_record_parse(NULL, 0, &scene->plan, &problem));
    scene->plan.state = PLAN_RUNNING;
    scene->plan.stage = 1;
    scene->plan.since = NOW - HOUR;
    (void)snprintf(scene->plan.timezone, sizeof(scene->plan.timezone), "Europe/Berlin");
    scene->series.slot_ms = SLOT_MS;
    scene->facts = (struct plan_facts){
        .now_ms = NOW * 1000,
        .local = {.weekday = 1, .minute = 12 * 60},
        .min_samples = 200,
    };
}

static struct plan_counts *
counts_at(struct scene *scene, enum domain_side side, int64_t seconds_ago)
{
    return &plan_series_at(&scene->series, (NOW - seconds_ago) * 1000)->sides[side];
}

static void
ask(struct scene *scene)
{
    scene->facts.series = &scene->series;
    scene->facts.judge = &scene->judge;
    scene->facts.slow_judge = &scene->slow;
    scene->count = plan_gates_ask(&scene->plan, &scene->facts, scene->gates);
}

static const struct plan_gate *
gate_of(const struct scene *scene, enum plan_gate_kind kind)
{
    for (size_t i = 0; i < scene->count; i++) {
        if (scene->gates[i].kind == kind)
            return &scene->gates[i];
    }
    return NULL;
}

static void
check(struct scene *scene, enum plan_gate_kind kind, enum plan_answer answer,
    const char *text)
{
    const struct plan_gate *gate;

    ask(scene);
    gate = gate_of(scene, kind);
    if (gate == NULL)
        fail_msg("%s is not asked", plan_gate_name(kind));
    else if (gate->answer != answer || strcmp(gate->text, text) != 0)
        fail_msg("%s: %s: %s", plan_gate_name(kind), plan_answer_name(gate->answer),
            gate->text);
}

static void
scene_end(struct scene *scene)
{
    plan_series_clear(&scene->series);
}

static void
names_gates_and_answers(void **state)
{
    enum plan_gate_kind kind;

    (void)state;
    for (enum plan_gate_kind i = 0; i < PLAN_GATES; i++) {
        assert_true(plan_gate_find(span_of(plan_gate_name(i)), &kind));
        assert_int_equal(kind, i);
    }
    assert_false(plan_gate_find(SPAN("stays"), &kind));
    assert_false(plan_gate_find(SPAN(""), &kind));
    assert_string_equal(plan_answer_name(PLAN_NO), "no");
    assert_string_equal(plan_answer_name(PLAN_YES), "yes");
    assert_string_equal(plan_answer_name(PLAN_NOT_KNOWN), "not-known");
}

static void
waits_for_the_stay(void **state)
{
    static const struct {
        size_t stage;
        int64_t since;
        uint64_t stay_ms;
        enum plan_answer answer;
        const char *text;
    } rows[] = {
        {1, NOW - 51 * HOUR, 72 * 3600000, PLAN_NO,
            "2 d 3 h of 3 d over, until Tue 09:00"},
        {1, NOW - HOUR, 2 * 3600000, PLAN_NO, "1 h of 2 h over, until 13:00"},
        {1, NOW - 12, 30000, PLAN_NO, "12 s of 30 s over"},
        {1, NOW - HOUR, UINT64_C(30) * 86400000, PLAN_NO,
            "1 h of 30 d over, until 2026-12-30T10:00:00Z"},
        {1, NOW - HOUR, 3600000, PLAN_YES, "1 h over since 12:00"},
        {1, NOW - 4 * DAY, 72 * 3600000, PLAN_YES, "3 d over since Sun 12:00"},
        {1, NOW, 0, PLAN_YES, "0 s over since 12:00"},
        {1, 0, 3600000, PLAN_NOT_KNOWN, "since when the stage is in force is not known"},
        {1, NOW + 5, 3600000, PLAN_NO, "0 s of 1 h over, until 13:00"},
        {1, NOW + 6, 3600000, PLAN_NOT_KNOWN,
            "the stage began in the future: the clocks of the gateways differ"},
        {1, NOW + DAY, 0, PLAN_NOT_KNOWN,
            "the stage began in the future: the clocks of the gateways differ"},
        {0, NOW - DAY, 0, PLAN_NOT_KNOWN, "no stage is in force"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scene scene;

        scene_begin(&scene);
        scene.plan.stage = rows[i].stage;
        scene.plan.since = rows[i].since;
        scene.plan.stages[0].stay_ms = rows[i].stay_ms;
        check(&scene, GATE_STAY, rows[i].answer, rows[i].text);
        scene_end(&scene);
    }
}

static void
waits_for_the_window(void **state)
{
    static const struct {
        const char *window;
        int64_t freeze_until;
        enum plan_answer answer;
        const char *text;
    } rows[] = {
        {"", 0, PLAN_YES, "at any time"},
        {"00:00-24:00", 0, PLAN_YES, "at any time"},
        {"Mon-Fri 08:00-16:00", 0, PLAN_YES, "open until Mon 16:00 Europe/Berlin"},
        {"Mon-Fri 08:00-12:00", 0, PLAN_NO, "opens Tue 08:00 Europe/Berlin"},
        {"Mon 08:00-11:00", 0, PLAN_NO, "opens Mon 08:00 Europe/Berlin"},
        {"", NOW, PLAN_YES, "at any time"},
        {"", NOW + 1, PLAN_NO, "freeze_until 2026-11-30T11:00:01Z"},
        {"Mon 08:00-11:00", NOW + DAY, PLAN_NO,
            "freeze_until 2026-12-01T11:00:00Z, and the window is closed"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scene scene;
        struct error error;

        scene_begin(&scene);
        if (rows[i].window[0] != '\0')
            assert_true(
                plan_window_parse(span_of(rows[i].window), &scene.plan.window, &error));
        scene.plan.freeze_until = rows[i].freeze_until;
        check(&scene, GATE_WINDOW, rows[i].answer, rows[i].text);
        scene_end(&scene);
    }
}

static void
does_not_guess_the_window_in_a_zone_that_is_not_known(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene);
    scene.facts.no_zone = true;
    check(&scene, GATE_WINDOW, PLAN_NOT_KNOWN,
        "no time zone Europe/Berlin on this machine");
    scene.plan.freeze_until = NOW + 1;
    check(&scene, GATE_WINDOW, PLAN_NO, "freeze_until 2026-11-30T11:00:01Z");
    scene_end(&scene);
}

static void
counts_deliveries_on_new(void **state)
{
    static const struct {
        int64_t began; /* ago */
        int64_t at;    /* ago */
        uint64_t ok;
        uint64_t fail;
        uint64_t wanted; /* of the plan */
        enum plan_answer answer;
        const char *text;
    } rows[] = {
        {HOUR, 60, 0, 0, 0, PLAN_NO, "0 of 200 deliveries on new; none in the last hour"},
        {HOUR, 60, 0, 500, 0, PLAN_NO,
            "0 of 200 deliveries on new; none in the last hour"},
        {600, 60, 0, 0, 0, PLAN_NO,
            "0 of 200 deliveries on new; none since the stage began"},
        {HOUR, 60, 200, 0, 0, PLAN_YES, "200 of 200 deliveries on new"},
        {HOUR, 60, 199, 0, 0, PLAN_NO, "199 of 200 deliveries on new, about 1 min"},
        {HOUR, 60, 199, 0, 10, PLAN_YES, "199 of 10 deliveries on new"},
        {HOUR, 60, 57, 9, 0, PLAN_NO, "57 of 200 deliveries on new, about 3 h"},
        /* By the time since the stage began, where that is less than an hour. */
        {600, 60, 50, 0, 0, PLAN_NO, "50 of 200 deliveries on new, about 30 min"},
        /* Of two days ago, when the stage was in force too; but nothing since. */
        {3 * DAY, 2 * DAY, 150, 0, 0, PLAN_NO,
            "150 of 200 deliveries on new; none in the last hour"},
        {3 * DAY, 2 * DAY, 250, 0, 0, PLAN_YES, "250 of 200 deliveries on new"},
        /* Before the stage. */
        {HOUR, 2 * HOUR, 500, 0, 0, PLAN_NO,
            "0 of 200 deliveries on new; none in the last hour"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scene scene;

        scene_begin(&scene);
        scene.plan.since = NOW - rows[i].began;
        scene.plan.min_samples = rows[i].wanted;
        counts_at(&scene, SIDE_NEW, rows[i].at)->ok = rows[i].ok;
        counts_at(&scene, SIDE_NEW, rows[i].at)->fail = rows[i].fail;
        counts_at(&scene, SIDE_OLD, rows[i].at)->ok = 9000;
        check(&scene, GATE_SAMPLES, rows[i].answer, rows[i].text);
        scene_end(&scene);
    }
}

static void
asks_for_success(void **state)
{
    static const struct {
        int64_t began;
        int64_t at;
        uint64_t ok;
        uint64_t fail;
        enum plan_answer answer;
        const char *text;
    } rows[] = {
        {HOUR, 60, 0, 0, PLAN_NOT_KNOWN,
            "no first attempt on new since 11:00 (at least 99.95 %)"},
        {HOUR, 60, 812, 0, PLAN_YES, "100.00 % of 812 since 11:00 (at least 99.95 %)"},
        {HOUR, 60, 9995, 5, PLAN_YES, "99.95 % of 10000 since 11:00 (at least 99.95 %)"},
        {HOUR, 60, 99949, 51, PLAN_NO,
            "99.94 % of 100000 since 11:00 (at least 99.95 %)"},
        {HOUR, 60, 0, 1, PLAN_NO, "0.00 % of 1 since 11:00 (at least 99.95 %)"},
        /* At most 24 hours. */
        {3 * DAY, 23 * HOUR, 1, 1, PLAN_NO,
            "50.00 % of 2 since Sun 12:00 (at least 99.95 %)"},
        {3 * DAY, 25 * HOUR, 900, 0, PLAN_NOT_KNOWN,
            "no first attempt on new since Sun 12:00 (at least 99.95 %)"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scene scene;

        scene_begin(&scene);
        scene.plan.since = NOW - rows[i].began;
        counts_at(&scene, SIDE_NEW, rows[i].at)->ok = rows[i].ok;
        counts_at(&scene, SIDE_NEW, rows[i].at)->fail = rows[i].fail;
        counts_at(&scene, SIDE_NEW, rows[i].at)->neutral = 1000;
        counts_at(&scene, SIDE_OLD, rows[i].at)->ok = 9000;
        check(&scene, GATE_SUCCESS, rows[i].answer, rows[i].text);
        scene_end(&scene);
    }
}

static void
asks_for_the_delay(void **state)
{
    static const struct {
        uint64_t delay_ms;
        uint64_t count;
        enum plan_answer answer;
        const char *text;
    } rows[] = {
        {0, 0, PLAN_NOT_KNOWN, "no delivery on new since 11:00 (mean at most 1.2 s)"},
        {0, 5, PLAN_YES, "mean 0 s of 5 since 11:00 (at most 1.2 s)"},
        {840 * 812, 812, PLAN_YES, "mean 0.84 s of 812 since 11:00 (at most 1.2 s)"},
        {1200 * 10, 10, PLAN_YES, "mean 1.2 s of 10 since 11:00 (at most 1.2 s)"},
        {1200 * 10 + 1, 10, PLAN_NO, "mean 1.201 s of 10 since 11:00 (at most 1.2 s)"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scene scene;

        scene_begin(&scene);
        counts_at(&scene, SIDE_NEW, 60)->delay_ms = rows[i].delay_ms;
        counts_at(&scene, SIDE_NEW, 60)->delay_count = rows[i].count;
        check(&scene, GATE_DELAY, rows[i].answer, rows[i].text);
        scene_end(&scene);
    }
}

static void
asks_for_the_rate_where_one_is_named(void **state)
{
    static const struct {
        uint64_t new_rate;
        uint64_t peak;
        enum plan_answer answer;
        const char *text; /* NULL: the gate is not there */
    } rows[] = {
        {0, 100000, PLAN_YES, NULL},
        {20000, 1200, PLAN_YES,
            "peak minute on new 1200 since 11:00 (at most 1200, 20/s)"},
        {20000, 1201, PLAN_NO,
            "peak minute on new 1201 since 11:00 (at most 1200, 20/s)"},
        {500, 0, PLAN_YES, "peak minute on new 0 since 11:00 (at most 30, 0.5/s)"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scene scene;

        scene_begin(&scene);
        scene.plan.new_rate = rows[i].new_rate;
        counts_at(&scene, SIDE_NEW, 600)->ok = rows[i].peak;
        counts_at(&scene, SIDE_NEW, 700)->ok = rows[i].peak / 2;
        counts_at(&scene, SIDE_NEW, 2 * HOUR)->ok = 99999;
        if (rows[i].text != NULL)
            check(&scene, GATE_RATE, rows[i].answer, rows[i].text);
        else {
            ask(&scene);
            assert_null(gate_of(&scene, GATE_RATE));
        }
        scene_end(&scene);
    }
}

static void
lets_the_judge_object(void **state)
{
    static const struct {
        const char *what;
        const char *failures; /* n or o */
        const char *slow;
        uint64_t on_old; /* accepted in the last hour, of the last minutes */
        uint64_t on_new;
        uint64_t failed_old;
        uint64_t failed_new;
        enum plan_answer answer;
        const char *text;
    } rows[] = {
        {"nothing", "", "", 0, 0, 0, 0, PLAN_YES,
            "not known yet: no failures on either side"},
        {"no failures", "", "", 700, 300, 0, 0, PLAN_YES,
            "not known yet: no failures on either side"},
        {"worse", "nnnnn", "", 700, 300, 0, 5, PLAN_NO,
            "new fails more often than old: 5 of 5 are new's (evidence 109, alarm at "
            "20)"},
        {"slower", "no", "nnnnno", 700, 300, 1, 1, PLAN_NO,
            "new is slow more often than old: 5 of 6 are new's (evidence 23, alarm at "
            "20)"},
        {"fine", "oooooooooooo", "", 700, 300, 12, 0, PLAN_YES,
            "fine: less than twice old's failures (0 on new, 12 on old)"},
        {"fine, but slower", "oooooooooooo", "nnnnn", 700, 300, 12, 0, PLAN_NO,
            "new is slow more often than old: 5 of 5 are new's (evidence 109, alarm at "
            "20)"},
        {"not yet, and when", "noo", "", 700, 300, 7, 3, PLAN_YES,
            "not known yet: 1 failure on new, 2 on old, about 5 h"},
        {"not yet, and never", "noo", "", 700, 300, 2, 5, PLAN_YES,
            "not known yet: 1 failure on new, 2 on old"},
        {"no traffic of old in the last hour", "nno", "", 0, 0, 0, 0, PLAN_YES,
            "not known yet: 2 failures on new, 1 on old"},
        {"no control", "no", "", 1, 99, 0, 0, PLAN_YES,
            "not known yet: 99.00 % of deliveries are on new, so there is no control: "
            "keep an exclude hold-out"},
        {"worse goes before no control", "nnnnn", "", 0, 99, 0, 0, PLAN_NO,
            "new fails more often than old: 5 of 5 are new's (evidence 109, alarm at "
            "20)"},
        {"nothing on new", "no", "", 99, 0, 0, 0, PLAN_YES,
            "not known yet: only 0.00 % of deliveries are on new"},
        {"hardly anything on new", "no", "", 99, 1, 0, 0, PLAN_YES,
            "not known yet: only 1.00 % of deliveries are on new"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scene scene;

        scene_begin(&scene);
        for (size_t n = 0; rows[i].failures[n] != '\0'; n++)
            judge_failure(&scene.judge, rows[i].failures[n] == 'n', 0.3);
        for (size_t n = 0; rows[i].slow[n] != '\0'; n++)
            judge_failure(&scene.slow, rows[i].slow[n] == 'n', 0.3);
        counts_at(&scene, SIDE_OLD, 120)->ok = rows[i].on_old;
        counts_at(&scene, SIDE_NEW, 120)->ok = rows[i].on_new;
        counts_at(&scene, SIDE_OLD, 120)->fail = rows[i].failed_old;
        counts_at(&scene, SIDE_NEW, 120)->fail = rows[i].failed_new;
        print_message("%s\n", rows[i].what);
        check(&scene, GATE_JUDGE, rows[i].answer, rows[i].text);
        scene_end(&scene);
    }
    /* A million failures are told as any. */
    {
        struct scene scene;

        scene_begin(&scene);
        for (size_t n = 0; n < 1000000; n++)
            judge_failure(&scene.judge, true, 0.3);
        check(&scene, GATE_JUDGE, PLAN_NO,
            "new fails more often than old: 1000000 of 1000000 are new's (evidence above "
            "1000000, alarm at 20)");
        scene_end(&scene);
    }
}

/* A good stage whose every gate says yes. */
static void
scene_begin_good(struct scene *scene)
{
    scene_begin(scene);
    scene->plan.since = NOW - 4 * DAY;
    scene->plan.new_rate = 20000;
    counts_at(scene, SIDE_NEW, 120)->ok = 300;
    counts_at(scene, SIDE_NEW, 120)->delay_ms = 300 * 700;
    counts_at(scene, SIDE_NEW, 120)->delay_count = 300;
    counts_at(scene, SIDE_OLD, 120)->ok = 700;
}

static void
knows_nothing_of_traffic_in_doubt(void **state)
{
    static const struct {
        struct plan_doubt doubt;
        int64_t since;
        const char *text; /* "": no doubt */
    } rows[] = {
        {{"", 0}, NOW - 4 * DAY, ""},
        {{"Redis is not there", NOW - 600}, NOW - 4 * DAY,
            "since 11:50: Redis is not there"},
        {{"the books are 5 min behind", 0}, NOW - 4 * DAY, "the books are 5 min behind"},
        {{"", 0}, 0, "since when the stage is in force is not known"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        static const enum plan_gate_kind traffic[] = {
            GATE_SAMPLES, GATE_SUCCESS, GATE_DELAY, GATE_RATE, GATE_JUDGE};
        bool doubt = rows[i].text[0] != '\0';
        struct scene scene;
        const struct plan_gate *closed;

        scene_begin_good(&scene);
        scene.facts.doubt = rows[i].doubt;
        scene.plan.since = rows[i].since;
        ask(&scene);
        for (size_t n = 0; n < ARRAY_LENGTH(traffic); n++) {
            const struct plan_gate *gate = gate_of(&scene, traffic[n]);

            assert_int_equal(gate->answer, doubt ? PLAN_NOT_KNOWN : PLAN_YES);
            if (doubt)
                assert_string_equal(gate->text, rows[i].text);
        }
        assert_int_equal(
            plan_gates_are_open(&scene.plan, scene.gates, scene.count, &closed), !doubt);
        scene_end(&scene);
    }
}

static void
asks_only_what_is_there_in_order(void **state)
{
    static const enum plan_gate_kind usual[] = {GATE_STAY, GATE_WINDOW, GATE_SAMPLES,
        GATE_SUCCESS, GATE_DELAY, GATE_JUDGE, GATE_ALARM};
    struct scene scene;

    (void)state;
    scene_begin(&scene);
    ask(&scene);
    assert_int_equal(scene.count, ARRAY_LENGTH(usual));
    for (size_t i = 0; i < scene.count; i++)
        assert_int_equal(scene.gates[i].kind, usual[i]);
    scene.plan.new_rate = 1;
    scene.facts.probe = (struct plan_opinion){PLAN_NO, "probe: refused"};
    scene.facts.preflight = (struct plan_opinion){PLAN_NOT_KNOWN, "not asked"};
    scene.facts.rehearsal = (struct plan_opinion){PLAN_YES, "98 % clean"};
    scene.facts.hook = (struct plan_opinion){PLAN_NO, "before_advance runs"};
    (void)snprintf(scene.facts.alarm, sizeof(scene.facts.alarm), "replicas differ");
    ask(&scene);
    assert_int_equal(scene.count, PLAN_GATES);
    for (size_t i = 0; i < scene.count; i++)
        assert_int_equal(scene.gates[i].kind, i);
    check(&scene, GATE_ALARM, PLAN_NO, "replicas differ");
    check(&scene, GATE_PROBE, PLAN_NO, "probe: refused");
    check(&scene, GATE_PREFLIGHT, PLAN_NOT_KNOWN, "not asked");
    check(&scene, GATE_REHEARSAL, PLAN_YES, "98 % clean");
    check(&scene, GATE_HOOK, PLAN_NO, "before_advance runs");
    scene_end(&scene);
}

static void
never_opens_without_traffic(void **state)
{
    struct scene scene;
    const struct plan_gate *closed;

    (void)state;
    scene_begin(&scene);
    scene.plan.since = NOW - 4 * DAY;
    ask(&scene);
    assert_false(plan_gates_are_open(&scene.plan, scene.gates, scene.count, &closed));
    assert_int_equal(closed->kind, GATE_SAMPLES);
    /* Nor where the operator asked for hardly any samples, long ago. */
    scene.plan.min_samples = 1;
    counts_at(&scene, SIDE_NEW, 2 * DAY)->ok = 5;
    ask(&scene);
    assert_false(plan_gates_are_open(&scene.plan, scene.gates, scene.count, &closed));
    assert_int_equal(closed->kind, GATE_SUCCESS);
    assert_int_equal(closed->answer, PLAN_NOT_KNOWN);
    scene_end(&scene);
}

static void
passes_over_what_an_order_names(void **state)
{
    static const struct {
        const char *past;
        bool ordered;
        bool open;
    } rows[] = {
        {"", true, false},
        {"stay", true, false},
        {"stay window", true, true},
        {"window stay judge", true, true},
        {"stay window", false, false},
    };
    struct scene scene;
    const struct plan_gate *closed;

    (void)state;
    scene_begin_good(&scene);
    ask(&scene);
    assert_true(plan_gates_are_open(&scene.plan, scene.gates, scene.count, &closed));
    assert_null(closed);
    assert_false(plan_gates_are_open(&scene.plan, scene.gates, 0, &closed));
    assert_null(closed);
    scene.plan.stages[0].stay_ms = UINT64_C(9) * 86400000;
    scene.plan.freeze_until = NOW + DAY;
    ask(&scene);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        (void)snprintf(scene.plan.past, sizeof(scene.plan.past), "%s", rows[i].past);
        scene.plan.ordered = rows[i].ordered;
        assert_int_equal(
            plan_gates_are_open(&scene.plan, scene.gates, scene.count, &closed),
            rows[i].open);
        assert_true(rows[i].open == (closed == NULL));
    }
    scene_end(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_gates_and_answers),
        cmocka_unit_test(waits_for_the_stay),
        cmocka_unit_test(waits_for_the_window),
        cmocka_unit_test(does_not_guess_the_window_in_a_zone_that_is_not_known),
        cmocka_unit_test(counts_deliveries_on_new),
        cmocka_unit_test(asks_for_success),
        cmocka_unit_test(asks_for_the_delay),
        cmocka_unit_test(asks_for_the_rate_where_one_is_named),
        cmocka_unit_test(lets_the_judge_object),
        cmocka_unit_test(knows_nothing_of_traffic_in_doubt),
        cmocka_unit_test(asks_only_what_is_there_in_order),
        cmocka_unit_test(never_opens_without_traffic),
        cmocka_unit_test(passes_over_what_an_order_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
