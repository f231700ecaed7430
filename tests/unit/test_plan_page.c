/*
 * A plan as a JSON object, and what it says in words.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/ctl/ctl_json.h"
#include "policyd/plan/plan_page.h"
#include "shared/base/attributes.h"

enum { NOW = 1795564800, SLOT_MS = 60000 };

static const struct domain_state half = {.mode = DOMAIN_MODE_SPLIT, .weight = 7000};

/* Of "name=value" lines. */
static void
parse(const char *text, struct plan_record *plan)
{
    struct domain_field fields[16];
    struct domain_problem problem;
    struct span rest = span_of(text);
    struct span line;
    size_t count = 0;

    while (span_split(&rest, '\n', &line)) {
        size_t equals = span_find(line, '=');

        fields[count++] =
            (struct domain_field){span_first(line, equals), span_from(line, equals + 1)};
    }
    assert_true(plan_record_parse(fields, count, plan, &problem));
}

static const struct ctl_json *
written(struct arena *arena, const struct plan_page *page)
{
    struct buffer out;
    struct json json;
    struct error error;
    const struct ctl_json *document;

    buffer_init(&out, 1 << 20);
    json = json_on(&out);
    plan_page_write(&json, page);
    document = ctl_json_parse(arena, arena_span(arena, buffer_span(&out)), &error);
    buffer_clear(&out);
    assert_non_null(document);
    return document;
}

static void
assert_text(const struct ctl_json *object, const char *name, const char *wanted)
{
    struct span text = ctl_json_text(object, name);

    if (!span_is(text, wanted))
        fail_msg("%s is \"%.*s\", not \"%s\"", name, (int)text.length, text.data, wanted);
}

static const struct ctl_json *
element(const struct ctl_json *object, const char *name, size_t number)
{
    const struct ctl_json *i = ctl_json_get(object, name)->first;

    while (number-- > 0)
        i = i->next;
    return i;
}

static void
tells_whom_the_guard_has_pinned(void **state)
{
    struct plan_record plan;
    struct plan_page page = {.domain = SPAN("example.com"),
        .plan = &plan,
        .now = NOW,
        .knows_pinned = true,
        .pinned = 5,
        .unknown = 3,
        .guard_stopped = ""};
    struct arena *arena = arena_new(1 << 20);
    const struct ctl_json *guard;

    (void)state;
    parse("state=running\nstage=2\nsince=1795557600", &plan);
    guard = ctl_json_get(written(arena, &page), "guard");
    assert_text(guard, "pinned", "5");
    assert_text(guard, "unknown", "3");
    assert_true(ctl_json_is_null(guard, "stopped"));
    page.guard_stopped = "new refuses us";
    guard = ctl_json_get(written(arena, &page), "guard");
    assert_text(guard, "stopped", "new refuses us");
    arena_free(arena);
}

static void
tells_how_the_rehearsal_goes(void **state)
{
    const struct plan_page_rehearsal rehearsal = {.stage = "70",
        .movers = 120,
        .asked = 118,
        .clean = 112,
        .refused = 4,
        .defers = 2,
        .time = NOW,
        .why = ""};
    struct plan_record plan;
    struct plan_page page = {.domain = SPAN("example.com"), .plan = &plan, .now = NOW};
    struct arena *arena = arena_new(1 << 20);
    const struct ctl_json *found;

    (void)state;
    parse("state=running\nstage=2\nsince=1795557600", &plan);
    assert_true(ctl_json_is_null(written(arena, &page), "rehearsal"));
    page.rehearsal = &rehearsal;
    found = ctl_json_get(written(arena, &page), "rehearsal");
    assert_text(found, "stage", "70");
    assert_text(found, "movers", "120");
    assert_text(found, "clean", "112");
    assert_text(found, "defers", "2");
    assert_true(ctl_json_is_null(found, "why"));
    arena_free(arena);
}

/* --- words --- */

static const struct plan_gate two_closed[] = {
    {GATE_STAY, PLAN_NO, "19 h of 24 h left"},
    {GATE_WINDOW, PLAN_YES, "open"},
    {GATE_SAMPLES, PLAN_NOT_KNOWN, "the log is silent, 09:00"},
};

static void
says_how_it_is_and_what_it_waits_for(void **state)
{
    static const struct {
        const char *plan;
        size_t gates;
        size_t next;
        const char *sentence;
        const char *waits_for;
        const char *command;
    } rows[] = {
        {"state=running\nstage=2\nsince=1795546800", 3, 3,
            "running in stage 2 of 3, 70 %, for 5 h",
            "stay (19 h of 24 h left) and 1 more gate; 100 % is next", ""},
        {"state=running\nstage=2\nsince=1795546800\norder=advance\npast=stay", 3, 3,
            "running in stage 2 of 3, 70 %, for 5 h",
            "samples (the log is silent, 09:00); 100 % is next", ""},
        {"state=running\nstage=2\nsince=1795546800\nedited=yes", 2, 3,
            "running in stage 2 of 3, 70 %, for 5 h; the weight was raised by hand since",
            "stay (19 h of 24 h left); 100 % is next", ""},
        {"state=running\nstage=3\nsince=1795546800", 0, 0,
            "running in stage 3 of 3, 100 %, for 5 h",
            "the gates before the end, which nobody asked", ""},
        {"state=running\nstage=2\nsince=1795546800\nstep=3\nstep_by=gw2\n"
         "step_since=1795564700",
            3, 3, "running in stage 2 of 3, 70 %, for 5 h",
            "the hook before_advance, which gw2 began 1 min ago; 100 % is next", ""},
        {"state=waiting", 0, 1, "waiting, no stage is set yet",
            "the gates before 30 %, which nobody asked", ""},
        {"state=paused\nstage=1\nsince=1795546800\nwhy=a storm", 3, 2,
            "paused in stage 1 of 3, 30 %, for 5 h", "a person who says resume",
            "postshiftctl plan resume example.com"},
        {"state=rolled-back\nstage=1\nsince=1795546800", 0, 0,
            "rolled-back in stage 1 of 3, 30 %, for 5 h", "a person who says start",
            "postshiftctl ledger example.com"},
        {"state=aborted\nstage=1", 0, 0, "aborted in stage 1 of 3, 30 %",
            "a person who says start", "postshiftctl plan start example.com"},
        {"state=done\nstage=3", 0, 0, "done in stage 3 of 3, 100 %",
            "finish, once 100 % has held for 7 days", "postshiftctl finish example.com"},
        {"stages=50 100", 0, 0, "there is no plan", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plan_record plan;
        struct plan_page page = {
            .domain = SPAN("example.com"),
            .plan = &plan,
            .state = &half,
            .gates = two_closed,
            .gate_count = rows[i].gates,
            .next = rows[i].next,
            .now = NOW,
            .units_on_new = -1,
        };
        char text[PLAN_SENTENCE_MAX];

        parse(rows[i].plan, &plan);
        plan_page_sentence(&page, text);
        assert_string_equal(text, rows[i].sentence);
        plan_page_waits_for(&page, text);
        assert_string_equal(text, rows[i].waits_for);
        plan_page_command(&page, text);
        assert_string_equal(text, rows[i].command);
    }
}

static void
a_bad_plan_is_told(void **state)
{
    const struct plan_page page = {.domain = SPAN("example.com"),
        .problem = "stays: one a stage",
        .now = NOW,
        .units_on_new = -1};
    struct arena *arena = arena_new(1 << 24);
    const struct ctl_json *document = written(arena, &page);

    (void)state;
    assert_text(document, "state", "bad");
    assert_text(document, "problem", "stays: one a stage");
    assert_text(
        document, "sentence", "the plan is bad and moves nothing: stays: one a stage");
    assert_true(ctl_json_is_null(document, "weight"));
    assert_true(ctl_json_is_null(document, "sides"));
    assert_null(ctl_json_get(document, "stages")->first);
    arena_free(arena);
}

/* --- figures --- */

static void
count(struct plan_series *series, int64_t at, enum domain_side side, uint64_t ok,
    uint64_t fail)
{
    struct plan_slot *slot = plan_series_at(series, 1000 * at);

    assert_non_null(slot);
    slot->sides[side].ok += ok;
    slot->sides[side].fail += fail;
    slot->sides[side].delay_ms += 300 * ok;
    slot->sides[side].delay_count += ok;
}

static void
figures_begin_with_the_stage(void **state)
{
    struct plan_record plan;
    struct plan_series series = {.slot_ms = SLOT_MS};
    struct plan_page page = {
        .domain = SPAN("example.com"),
        .plan = &plan,
        .state = &half,
        .series = &series,
        .now = NOW,
        .knows_waiting = true,
        .waiting = {2, 11},
        .oldest = {0, NOW - 612},
        .units_on_new = 0.2,
    };
    struct arena *arena = arena_new(1 << 24);
    const struct ctl_json *document;
    const struct ctl_json *sides;
    const struct ctl_json *chart;
    uint64_t charted = 0;

    (void)state;
    parse("state=running\nstage=2\nsince=1795557600", &plan);
    count(&series, NOW - 3 * 3600, SIDE_NEW, 1000, 0); /* before the stage began */
    count(&series, NOW - 3600, SIDE_OLD, 30, 0);
    count(&series, NOW - 3600, SIDE_NEW, 69, 1);
    count(&series, NOW, SIDE_NEW, 1, 0);
    document = written(arena, &page);
    sides = ctl_json_get(document, "sides");
    assert_text(ctl_json_get(sides, "old"), "delivered", "30");
    assert_text(ctl_json_get(sides, "old"), "success", "100");
    assert_text(ctl_json_get(sides, "new"), "delivered", "70");
    assert_text(ctl_json_get(sides, "new"), "success", "98.59");
    assert_text(ctl_json_get(sides, "new"), "delay_ms", "300");
    assert_text(ctl_json_get(sides, "new"), "waiting", "11");
    assert_text(ctl_json_get(sides, "new"), "oldest_s", "612");
    assert_true(ctl_json_is_null(ctl_json_get(sides, "old"), "oldest_s"));
    assert_text(document, "sides_since", "1795557600");
    assert_true(ctl_json_is_null(document, "guard"));
    assert_text(ctl_json_get(document, "share"), "mail", "70");
    assert_text(ctl_json_get(document, "share"), "units", "20");
    assert_true(ctl_json_is_true(ctl_json_get(document, "share"), "apart"));
    chart = ctl_json_get(document, "chart");
    for (const struct ctl_json *i =
             ctl_json_get(ctl_json_get(chart, "new"), "delivered")->first;
         i != NULL; i = i->next)
        charted += (uint64_t)strtoull(i->text.data, NULL, 10);
    assert_int_equal(charted, 1069); /* the last one is in a slot that has not ended */
    plan_series_clear(&series);
    arena_free(arena);
}

static void
shares_are_told_apart_where_they_mean_the_same(void **state)
{
    static const struct {
        const char *state;
        unsigned weight;
        size_t lists;
        double units;
        uint64_t on_new; /* of 1000 */
        bool wanted;
    } rows[] = {
        {"running", 3000, 0, -1, 300, false}, {"running", 3000, 0, -1, 599, false},
        {"running", 3000, 0, -1, 601, true}, {"running", 3000, 0, -1, 149, true},
        {"running", 3000, 0, 0.6, 601, true},
        {"running", 0, 1, -1, 600, false}, /* by a list, which the weight is none of */
        {"running", 0, 1, 0.2, 600, true}, {"running", 0, 0, -1, 9, false}, /* canaries */
        {"done", 10000, 0, 1, 490, true},
        {"rolled-back", 0, 0, 0, 600, false}, /* it was so before */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plan_record plan;
        struct plan_series series = {.slot_ms = SLOT_MS};
        const struct domain_state domain = {.mode = DOMAIN_MODE_SPLIT,
            .weight = rows[i].weight,
            .lists = {"it"},
            .list_count = rows[i].lists};
        const struct plan_page page = {.domain = SPAN("example.com"),
            .plan = &plan,
            .state = &domain,
            .series = &series,
            .now = NOW,
            .units_on_new = rows[i].units};
        struct arena *arena = arena_new(1 << 24);
        char text[64] = "stage=1\nstate=";

        parse(strcat(text, rows[i].state), &plan);
        count(&series, NOW - 60, SIDE_NEW, rows[i].on_new, 0);
        count(&series, NOW - 60, SIDE_OLD, 1000 - rows[i].on_new, 0);
        if (ctl_json_is_true(ctl_json_get(written(arena, &page), "share"), "apart") !=
            rows[i].wanted)
            fail_msg("row %zu", i);
        plan_series_clear(&series);
        arena_free(arena);
    }
}

static void
stages_gates_and_events_stand_in_their_order(void **state)
{
    const struct plan_page_event events[] = {
        {SPAN("2-0"), 200, SPAN("plan"), SPAN("plan-advance"), SPAN("30"), SPAN("70"),
            SPAN("")},
        {SPAN("1-0"), 100, SPAN("anna"), SPAN("plan-start"), SPAN("none"),
            SPAN("waiting"), SPAN("\x1b[2J")},
    };
    struct plan_record plan;
    struct plan_page page = {
        .domain = SPAN("example.com"),
        .plan = &plan,
        .state = &half,
        .gates = two_closed,
        .gate_count = ARRAY_LENGTH(two_closed),
        .next = 4,
        .now = NOW,
        .units_on_new = -1,
        .hook = "after_transition",
        .hook_since = NOW - 9,
        .events = events,
        .event_count = ARRAY_LENGTH(events),
    };
    struct arena *arena = arena_new(1 << 24);
    const struct ctl_json *document;

    (void)state;
    parse("stages=list:it 30 70 100\nstate=running\nstage=3\nsince=1795557600", &plan);
    document = written(arena, &page);
    assert_text(element(document, "stages", 0), "name", "the list it");
    assert_true(ctl_json_is_true(element(document, "stages", 1), "is_over"));
    assert_false(ctl_json_is_true(element(document, "stages", 2), "is_over"));
    assert_text(element(document, "stages", 2), "left_s", "79200");
    assert_true(ctl_json_is_null(element(document, "stages", 3), "left_s"));
    assert_text(element(document, "gates", 2), "name", "samples");
    assert_text(element(document, "gates", 2), "answer", "not-known");
    assert_text(ctl_json_get(document, "hook"), "name", "after_transition");
    assert_text(element(document, "events", 1), "who", "anna");
    assert_text(element(document, "events", 1), "why", "\x1b[2J");
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_how_it_is_and_what_it_waits_for),
        cmocka_unit_test(a_bad_plan_is_told),
        cmocka_unit_test(figures_begin_with_the_stage),
        cmocka_unit_test(shares_are_told_apart_where_they_mean_the_same),
        cmocka_unit_test(tells_whom_the_guard_has_pinned),
        cmocka_unit_test(tells_how_the_rehearsal_goes),
        cmocka_unit_test(stages_gates_and_events_stand_in_their_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
