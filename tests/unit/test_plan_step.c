/*
 * What is to be done about a plan, row by row: the plan's hash, the domain's hash, what
 * gates, triggers and hook say; and what is then written.
 */
#include "tests/unit/unit.h"

#include "policyd/plan/plan_order.h"
#include "shared/base/attributes.h"

#include <stdio.h>
#include <string.h>

enum { NOW = 1795521600, FIELDS_MAX = 24 };

#define PLAN "stages=30_70_100 rev=7 "
#define RUNS PLAN "state=running stage=1 since=1795500000 weight=30 "
#define LAST PLAN "state=running stage=3 since=1795500000 weight=100 "
#define LISTS "stages=list:canary_30_list:it_70 rev=7 state=running since=1795500000 "
#define MINE "step=2 step_by=here step_since=1795521500 "
#define THEIRS "step=2 step_by=there step_since=1795521500 "

/* "name=value ...", underscores for the blanks of a value. */
static size_t
read_fields(const char *text, char *room, struct domain_field fields[FIELDS_MAX])
{
    struct span rest;
    struct span word;
    size_t count = 0;

    (void)snprintf(room, 1000, "%s", text);
    rest = span_of(room);
    while (span_word(&rest, &word)) {
        size_t at = span_find(word, '=');

        fields[count].name = span_first(word, at);
        fields[count].value = span_from(word, at + 1);
        if (!span_is(fields[count].name, "step_by")) {
            char *value = room + (fields[count].value.data - room);

            for (size_t i = 0; i < fields[count].value.length; i++)
                value[i] = value[i] == '_' ? ' ' : value[i];
        }
        count++;
    }
    return count;
}

struct scene {
    char room[1000];
    struct domain_field fields[FIELDS_MAX];
    struct plan_record plan;
    struct domain_state *state;
    struct plan_domain domain;
    struct plan_gate gates[PLAN_GATES];
    struct plan_alarm slow;
    struct plan_alarm fast;
    struct plan_view view;
    char freeze[100];
};

static void
set_gates(struct scene *scene, const char *closed)
{
    struct span rest = span_of(closed);
    struct span word;
    enum plan_gate_kind kind;

    for (size_t i = 0; i < PLAN_GATES; i++) {
        scene->gates[i] = (struct plan_gate){.kind = (enum plan_gate_kind)i};
        scene->gates[i].answer = PLAN_YES;
    }
    while (span_word(&rest, &word)) {
        if (span_is(word, "slow")) {
            scene->slow = (struct plan_alarm){.is_pulled = true, .text = "slow text"};
        } else if (span_is(word, "fast")) {
            scene->fast = (struct plan_alarm){.is_pulled = true, .text = "fast text"};
        } else if (span_is(word, "guard")) {
            (void)snprintf(scene->freeze, sizeof(scene->freeze), "new refuses us");
        } else if (span_is(word, "suspect")) {
            scene->domain.is_suspect = true;
        } else if (span_is(word, "overridden")) {
            scene->domain.is_overridden = true;
        } else {
            bool unknown = span_take(&word, SPAN("?"));

            assert_true(plan_gate_find(word, &kind));
            scene->gates[kind].answer = unknown ? PLAN_NOT_KNOWN : PLAN_NO;
            (void)snprintf(scene->gates[kind].text, 20, "its text");
        }
    }
}

static void
set_scene(struct scene *scene, const char *plan, const char *domain, const char *says,
    enum plan_hook hook)
{
    static const struct domain_state_rules rules = {0};
    char text[600];
    struct domain_problem problem = {0};
    size_t count;

    memset(scene, 0, sizeof(*scene));
    count = read_fields(plan, scene->room, scene->fields);
    if (!plan_record_parse(scene->fields, count, &scene->plan, &problem))
        fail_msg("%s: %s: %s", plan, problem.field, problem.text);
    (void)snprintf(text, sizeof(text),
        "old=cutover-old:[o]:25 new=cutover-new:[n]:25 rev=5 %s", domain);
    count = read_fields(text, scene->room, scene->fields);
    scene->state = domain_state_parse(
        SPAN("example.com"), scene->fields, count, &rules, &problem, NULL, NULL);
    scene->domain.name = SPAN("example.com");
    scene->domain.state = scene->state;
    set_gates(scene, says);
    scene->view = (struct plan_view){
        .plan = &scene->plan,
        .domain = &scene->domain,
        .gates = scene->gates,
        .gate_count = PLAN_GATES,
        .slow = &scene->slow,
        .fast = &scene->fast,
        .freeze = scene->freeze,
        .hook = hook,
        .gateway = "here",
        .now = NOW,
    };
}

static const char *
move_name(enum plan_move move)
{
    static const char *const moves[] = {"stand", "prepare", "call-off", "let-go",
        "advance", "finish", "note", "pause", "freeze", "roll-back"};

    return moves[move];
}

static void
decides(void **state)
{
    static const struct {
        const char *plan;
        const char *domain;
        const char *says;
        enum plan_hook hook;
        const char *decision; /* move, stage, by whom */
    } rows[] = {
        {"", "weight=0", "", PLAN_HOOK_NONE, "stand 0 plan"},
        /* Started: at once, whatever gates say. */
        {PLAN "state=waiting", "weight=0", "stay window ?samples", PLAN_HOOK_NONE,
            "advance 1 operator"},
        {PLAN "state=waiting", "weight=0", "", PLAN_HOOK_IDLE, "prepare 1 operator"},
        {PLAN "state=waiting", "weight=50", "", PLAN_HOOK_NONE, "advance 1 operator"},
        {PLAN "state=waiting", "weight=70", "", PLAN_HOOK_NONE, "advance 2 operator"},
        {PLAN "state=waiting", "weight=20", "", PLAN_HOOK_NONE, "advance 1 operator"},
        {PLAN "state=waiting", "weight=0 mode=hold", "", PLAN_HOOK_NONE, "pause 0 edit"},
        /* Gates. */
        {RUNS, "weight=30", "", PLAN_HOOK_NONE, "advance 2 plan"},
        {RUNS, "weight=30", "", PLAN_HOOK_IDLE, "prepare 2 plan"},
        {RUNS, "weight=30", "stay", PLAN_HOOK_NONE, "stand 2 plan"},
        {RUNS, "weight=30", "?success", PLAN_HOOK_NONE, "stand 2 plan"},
        {RUNS, "weight=30", "hook", PLAN_HOOK_NONE, "advance 2 plan"},
        {LAST, "weight=100", "stay", PLAN_HOOK_NONE, "stand 0 plan"},
        {LAST, "weight=100", "", PLAN_HOOK_NONE, "finish 0 plan"},
        {LAST, "weight=100", "", PLAN_HOOK_IDLE, "finish 0 plan"},
        /* An order. */
        {RUNS "order=advance past=stay", "weight=30", "stay", PLAN_HOOK_NONE,
            "advance 2 operator"},
        {RUNS "order=advance past=stay", "weight=30", "stay judge", PLAN_HOOK_NONE,
            "let-go 0 plan"},
        {RUNS "order=advance past=stay_hook", "weight=30", "stay", PLAN_HOOK_IDLE,
            "advance 2 operator"},
        /* What is prepared. */
        {RUNS MINE, "weight=30", "", PLAN_HOOK_RUNNING, "stand 2 plan"},
        {RUNS MINE, "weight=30", "", PLAN_HOOK_GOOD, "advance 2 plan"},
        {RUNS MINE, "weight=30", "alarm", PLAN_HOOK_GOOD, "let-go 0 plan"},
        {RUNS MINE, "weight=30", "", PLAN_HOOK_BAD, "pause 0 hook"},
        {RUNS MINE, "weight=30", "", PLAN_HOOK_IDLE, "prepare 2 plan"},
        {RUNS MINE, "weight=30", "", PLAN_HOOK_NONE, "advance 2 plan"},
        {RUNS THEIRS, "weight=30", "", PLAN_HOOK_IDLE, "stand 0 plan"},
        {RUNS THEIRS, "weight=30", "", PLAN_HOOK_RUNNING, "call-off 0 plan"},
        {RUNS "step=2 step_by=there step_since=1795520000", "weight=30", "",
            PLAN_HOOK_IDLE, "prepare 2 plan"},
        {RUNS, "weight=30", "", PLAN_HOOK_RUNNING, "call-off 0 plan"},
        /* Stops. */
        {RUNS MINE, "weight=30", "slow", PLAN_HOOK_RUNNING, "roll-back 0 slow-trigger"},
        {RUNS, "weight=30", "fast", PLAN_HOOK_NONE, "freeze 0 fast-trigger"},
        {RUNS, "weight=30", "slow fast", PLAN_HOOK_NONE, "roll-back 0 slow-trigger"},
        {RUNS "fast_action=rollback", "weight=30", "fast", PLAN_HOOK_NONE,
            "roll-back 0 fast-trigger"},
        {RUNS "slow_action=freeze", "weight=30", "slow", PLAN_HOOK_NONE,
            "freeze 0 slow-trigger"},
        {RUNS "slow_action=none", "weight=30", "slow stay", PLAN_HOOK_NONE,
            "stand 2 plan"},
        {RUNS, "weight=30", "guard", PLAN_HOOK_NONE, "freeze 0 guard"},
        {RUNS, "weight=30", "slow suspect", PLAN_HOOK_NONE, "freeze 0 slow-trigger"},
        {PLAN "state=waiting", "weight=30", "slow", PLAN_HOOK_NONE,
            "roll-back 0 slow-trigger"},
        {PLAN "state=waiting", "weight=0", "slow", PLAN_HOOK_NONE,
            "freeze 0 slow-trigger"},
        {PLAN "state=paused stage=1", "weight=30", "slow", PLAN_HOOK_NONE,
            "roll-back 0 slow-trigger"},
        {PLAN "state=paused stage=1", "weight=0", "slow", PLAN_HOOK_NONE, "stand 0 plan"},
        {PLAN "state=paused stage=1", "weight=30", "fast guard", PLAN_HOOK_NONE,
            "stand 0 plan"},
        {PLAN "state=paused stage=1", "weight=30", "", PLAN_HOOK_RUNNING,
            "call-off 0 plan"},
        {PLAN "state=done stage=3 weight=100", "weight=100", "slow", PLAN_HOOK_NONE,
            "roll-back 0 slow-trigger"},
        {PLAN "state=done stage=3 weight=100", "weight=100", "fast", PLAN_HOOK_NONE,
            "freeze 0 fast-trigger"},
        {PLAN "state=done stage=3 weight=100", "weight=100", "", PLAN_HOOK_NONE,
            "stand 0 plan"},
        {PLAN "state=rolled-back stage=2", "weight=70", "slow fast guard", PLAN_HOOK_NONE,
            "stand 0 plan"},
        {PLAN "state=aborted stage=2", "weight=70", "slow fast", PLAN_HOOK_RUNNING,
            "call-off 0 plan"},
        /* Edits by hand. */
        {RUNS, "weight=40", "", PLAN_HOOK_NONE, "note 0 edit"},
        {RUNS, "weight=20", "", PLAN_HOOK_NONE, "pause 0 edit"},
        {RUNS MINE, "weight=20", "", PLAN_HOOK_RUNNING, "pause 0 edit"},
        {RUNS, "weight=30 mode=old", "", PLAN_HOOK_NONE, "pause 0 edit"},
        {RUNS, "weight=30 mode=new", "", PLAN_HOOK_NONE, "pause 0 edit"},
        {PLAN "state=running stage=1 weight=80 edited=yes since=1", "weight=80", "",
            PLAN_HOOK_NONE, "advance 3 plan"},
        {PLAN "state=running stage=1 since=1", "weight=10", "", PLAN_HOOK_NONE,
            "note 0 edit"},
        {PLAN "state=done stage=3 weight=100", "weight=90", "", PLAN_HOOK_NONE,
            "pause 0 edit"},
        /* Lists. */
        {LISTS "stage=1 weight=0", "weight=0 lists=canary", "", PLAN_HOOK_NONE,
            "advance 2 plan"},
        {LISTS "stage=1 weight=0", "weight=0", "", PLAN_HOOK_NONE, "pause 0 edit"},
        {LISTS "stage=2 weight=30", "weight=30 lists=canary", "", PLAN_HOOK_NONE,
            "advance 3 plan"},
        {LISTS "stage=2 weight=30", "weight=30 lists=canary_it", "", PLAN_HOOK_NONE,
            "advance 4 plan"},
        {LISTS "stage=1 weight=0", "weight=0 lists=canary", "slow", PLAN_HOOK_NONE,
            "roll-back 0 slow-trigger"},
        {LISTS "stage=1 weight=40 edited=yes", "weight=40 lists=canary", "",
            PLAN_HOOK_NONE, "advance 3 plan"},
        /* Nothing is done. */
        {RUNS, "weight=30", "suspect", PLAN_HOOK_NONE, "stand 0 plan"},
        {RUNS, "weight=30", "overridden slow", PLAN_HOOK_NONE, "stand 0 plan"},
        {RUNS, "weight=abc", "slow", PLAN_HOOK_NONE, "stand 0 plan"},
        {RUNS, "weight=abc", "", PLAN_HOOK_RUNNING, "call-off 0 plan"},
        {RUNS, "mode=forgotten", "", PLAN_HOOK_NONE, "stand 0 plan"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scene scene;
        struct plan_decision decision;
        char got[80];

        set_scene(&scene, rows[i].plan, rows[i].domain, rows[i].says, rows[i].hook);
        plan_step_decide(&scene.view, &decision);
        (void)snprintf(got, sizeof(got), "%s %zu %s", move_name(decision.move),
            decision.stage, decision.by);
        if (strcmp(got, rows[i].decision) != 0)
            fail_msg("%s | %s | %s: %s, not %s", rows[i].plan, rows[i].domain,
                rows[i].says, got, rows[i].decision);
        domain_state_free(scene.state);
    }
}

static void
add_fields(char *out, size_t size, const struct domain_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(out);

        (void)snprintf(out + used, size - used, "%s%.*s=%.*s", used > 0 ? " " : "",
            (int)fields[i].name.length, fields[i].name.data, (int)fields[i].value.length,
            fields[i].value.data);
    }
}

#define NO_STEP " order= past= step= step_by= step_since="

static void
writes(void **state)
{
    static const struct {
        const char *plan;
        const char *domain;
        const char *says;
        enum plan_hook hook;
        const char *event; /* what, from, to, by whom */
        const char *sets;  /* of the plan | of the domain */
    } rows[] = {
        {RUNS, "weight=30", "", PLAN_HOOK_NONE, "plan-advance 30 70 plan",
            "rev=1795521600 state=running stage=2 since=1795521600 weight=70 edited= "
            "why=" NO_STEP " | weight=70 rev=1795521600"},
        {PLAN "state=waiting", "weight=50", "", PLAN_HOOK_NONE,
            "plan-advance 50 50 operator",
            "rev=1795521600 state=running stage=1 since=1795521600 weight=50 edited=yes "
            "why=" NO_STEP " | "},
        {LISTS "stage=2 weight=30", "weight=30 lists=canary_mine", "", PLAN_HOOK_NONE,
            "plan-advance 30 the list it plan",
            "rev=1795521600 state=running stage=3 since=1795521600 weight=30 edited= "
            "why=" NO_STEP " | lists=canary mine it rev=1795521600"},
        {RUNS, "weight=30", "", PLAN_HOOK_IDLE, "hook-start  before_advance plan",
            "rev=1795521600 step=2 step_by=here step_since=1795521600 | "},
        {LAST, "weight=100", "", PLAN_HOOK_NONE, "plan-done running done plan",
            "rev=1795521600 state=done why=the last stage's stay is over" NO_STEP " | "},
        {RUNS, "weight=45.5", "", PLAN_HOOK_NONE, "plan-edited 30 45.5 edit",
            "rev=1795521600 weight=45.5 edited=yes | "},
        {PLAN "state=running stage=1 since=1", "weight=30", "", PLAN_HOOK_NONE,
            "plan-edited  30 edit", "rev=1795521600 weight=30 edited= | "},
        {RUNS, "weight=30", "fast", PLAN_HOOK_NONE, "freeze running paused fast-trigger",
            "rev=1795521600 state=paused why=fast text" NO_STEP " | "},
        {LISTS "stage=2 weight=30", "weight=30 lists=canary_mine", "slow", PLAN_HOOK_NONE,
            "rollback 30 0 slow-trigger",
            "rev=1795521600 state=rolled-back why=slow text" NO_STEP
            " | weight=0 lists=mine rev=1795521600"},
        {LISTS "stage=1 weight=0", "weight=0 lists=canary", "slow", PLAN_HOOK_NONE,
            "rollback 0 0 slow-trigger",
            "rev=1795521600 state=rolled-back why=slow text" NO_STEP
            " | weight=0 lists= rev=1795521600"},
        {RUNS, "weight=0 mode=new", "slow", PLAN_HOOK_NONE, "rollback 0 0 slow-trigger",
            "rev=1795521600 state=rolled-back why=slow text" NO_STEP
            " | weight=0 mode=split rev=1795521600"},
        {RUNS MINE, "weight=30", "judge", PLAN_HOOK_GOOD, "plan-wait   plan",
            "rev=1795521600" NO_STEP " | "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scene scene;
        struct plan_decision decision;
        struct plan_write write;
        char event[200];
        char sets[1000] = "";

        set_scene(&scene, rows[i].plan, rows[i].domain, rows[i].says, rows[i].hook);
        plan_step_decide(&scene.view, &decision);
        plan_write_step(&scene.view, &decision, &write);
        (void)snprintf(event, sizeof(event), "%s %s %s %s", write.what, write.from,
            write.to, write.by);
        assert_string_equal(event, rows[i].event);
        add_fields(sets, sizeof(sets), write.plan, write.plan_count);
        (void)snprintf(sets + strlen(sets), 4, " | ");
        if (write.domain_count > 0) {
            char of_domain[300] = "";

            add_fields(of_domain, sizeof(of_domain), write.domain, write.domain_count);
            (void)snprintf(
                sets + strlen(sets), sizeof(sets) - strlen(sets), "%s", of_domain);
        }
        assert_string_equal(sets, rows[i].sets);
        domain_state_free(scene.state);
    }
}

static void
a_rev_goes_on(void **state)
{
    struct scene scene;
    struct plan_decision decision;
    struct plan_write write;

    (void)state;
    set_scene(&scene,
        "stages=30_70 rev=1795521700 state=running stage=1 weight=30 since=1",
        "weight=30", "", PLAN_HOOK_NONE);
    plan_step_decide(&scene.view, &decision);
    plan_write_step(&scene.view, &decision, &write);
    assert_true(span_is(write.plan[0].value, "1795521701"));
    assert_int_equal(write.rev, NOW);
    domain_state_free(scene.state);
}

static void
orders_make_sense_in_their_states(void **state)
{
    static const struct {
        enum plan_order order;
        const char *plan;
        const char *past;
        const char *said; /* what is set, or "! " and a part of the error */
    } rows[] = {
        {PLAN_ORDER_START, "", "",
            "rev=1795521600 state=waiting why=w" NO_STEP
            " since=1795521600 weight= stage=0 edited="},
        {PLAN_ORDER_START, RUNS, "", "! the plan is running"},
        {PLAN_ORDER_START, PLAN "state=aborted", "",
            "rev=1795521600 state=waiting why=w" NO_STEP
            " since=1795521600 weight= stage=0 edited="},
        {PLAN_ORDER_ADVANCE, RUNS, "stay judge",
            "rev=1795521600 order=advance past=stay judge"},
        {PLAN_ORDER_ADVANCE, RUNS, "stay nonsense", "! there is no gate nonsense"},
        {PLAN_ORDER_ADVANCE, "", "", "! there is no plan"},
        {PLAN_ORDER_ADVANCE, PLAN "state=paused stage=1", "", "! the plan is paused"},
        {PLAN_ORDER_PAUSE, RUNS, "", "rev=1795521600 state=paused why=w" NO_STEP},
        {PLAN_ORDER_RESUME, PLAN "state=paused stage=1", "",
            "rev=1795521600 state=running why=w" NO_STEP " since=1795521600 weight="},
        {PLAN_ORDER_RESUME, PLAN "state=paused stage=0", "",
            "rev=1795521600 state=waiting why=w" NO_STEP " since=1795521600 weight="},
        {PLAN_ORDER_RESUME, PLAN "state=rolled-back stage=1", "",
            "! the plan is rolled-back"},
        {PLAN_ORDER_ABORT, RUNS, "", "rev=1795521600 state=aborted why=w" NO_STEP},
        {PLAN_ORDER_ABORT, PLAN "state=done stage=3", "",
            "rev=1795521600 state=aborted why=w" NO_STEP},
        {PLAN_ORDER_ROLLBACK, PLAN "state=done stage=3", "",
            "rev=1795521600 state=rolled-back why=w" NO_STEP},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scene scene;
        struct plan_write write;
        struct error error;
        char sets[600] = "";

        set_scene(&scene, rows[i].plan, "weight=30", "", PLAN_HOOK_NONE);
        if (plan_order_write(
                rows[i].order, &scene.plan, rows[i].past, "w", NOW, &write, &error)) {
            add_fields(sets, sizeof(sets), write.plan, write.plan_count);
            assert_string_equal(sets, rows[i].said);
        } else {
            assert_memory_equal(rows[i].said, "! ", 2);
            assert_non_null(strstr(error.text, rows[i].said + 2));
        }
        domain_state_free(scene.state);
    }
}

/* In every state and with every operation pending, after a stop nothing advances. */
static void
stop_wins_in_every_state(void **state)
{
    static const char *const plans[] = {PLAN "state=paused stage=1 weight=30 since=1 ",
        PLAN "state=rolled-back stage=1 weight=30 since=1 ",
        PLAN "state=aborted stage=1 weight=30 since=1 "};
    static const char *const pending[] = {"", MINE, THEIRS, "order=advance ",
        "order=advance past=stay_hook ", "edited=yes "};
    static const char *const says[] = {
        "", "slow", "fast", "guard", "suspect", "stay", "slow fast guard"};

    (void)state;
    for (size_t p = 0; p < ARRAY_LENGTH(plans); p++) {
        for (size_t o = 0; o < ARRAY_LENGTH(pending); o++) {
            for (size_t s = 0; s < ARRAY_LENGTH(says); s++) {
                for (int hook = PLAN_HOOK_NONE; hook <= PLAN_HOOK_BAD; hook++) {
                    struct scene scene;
                    struct plan_decision decision;
                    char plan[500];

                    (void)snprintf(plan, sizeof(plan), "%s%s", plans[p], pending[o]);
                    set_scene(&scene, plan, "weight=30", says[s], (enum plan_hook)hook);
                    plan_step_decide(&scene.view, &decision);
                    if (decision.move != PLAN_STAND && decision.move != PLAN_CALL_OFF &&
                        decision.move != PLAN_ROLL_BACK)
                        fail_msg("%s %s: %s", plan, says[s], move_name(decision.move));
                    if (hook == PLAN_HOOK_RUNNING && decision.move == PLAN_STAND)
                        fail_msg("%s %s: the hook goes on", plan, says[s]);
                    domain_state_free(scene.state);
                }
            }
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides),
        cmocka_unit_test(writes),
        cmocka_unit_test(a_rev_goes_on),
        cmocka_unit_test(orders_make_sense_in_their_states),
        cmocka_unit_test(stop_wins_in_every_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
