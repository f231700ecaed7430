#include "policyd/ctl/ctl_plan_text.h"

#include <stdio.h>
#include <time.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/plan/plan_text.h"
#include "policyd/terminal/ctl_table.h"
#include "shared/base/number.h"

enum { OUT_MAX = 1 << 20, EVENTS_MAX = 10, EVENTS_BRIEF = 3, ROWS_MAX = 32 };

struct text {
    struct ctl *ctl;
    const struct ctl_json *plan;
    int64_t now;
    bool brief;
};

static const char *
text_of(const struct text *text, const struct ctl_json *object, const char *name)
{
    return ctl_output_text(text->ctl->arena, ctl_json_text(object, name));
}

/* "-" where it is null. */
static const char *
value_of(const struct text *text, const struct ctl_json *object, const char *name,
    const char *unit)
{
    return ctl_json_is_null(object, name) ? "-"
                                          : arena_printf(text->ctl->arena, "%s%s",
                                                text_of(text, object, name), unit);
}

static int64_t
number_of(const struct ctl_json *object, const char *name)
{
    int64_t number = 0;

    (void)number_signed(ctl_json_text(object, name), INT64_MIN, INT64_MAX, &number);
    return number;
}

static const char *
age_of(const struct text *text, int64_t seconds)
{
    char age[PLAN_TIME_MAX];

    plan_text_age(1000 * seconds, age);
    return arena_text(text->ctl->arena, span_of(age));
}

static void
print_table(const struct ctl_table *table)
{
    struct buffer out;

    buffer_init(&out, OUT_MAX);
    ctl_table_write(&out, table, CTL_TABLE_WIDTH, ctl_output_has_colour());
    ctl_output_raw(buffer_span(&out));
    buffer_clear(&out);
}

/* --- the head --- */

static void
print_stages(const struct text *text)
{
    const struct ctl_json *stage = ctl_json_get(text->plan, "stages")->first;
    int64_t here = number_of(text->plan, "stage");
    const char *line = "";

    for (int64_t i = 1; stage != NULL; stage = stage->next, i++) {
        const char *is = "";

        if (!ctl_json_is_null(stage, "left_s"))
            is = arena_printf(
                text->ctl->arena, ", %s left", age_of(text, number_of(stage, "left_s")));
        else if (ctl_json_is_true(stage, "is_over"))
            is = ", over";
        else if (i != here)
            is = arena_printf(
                text->ctl->arena, ", for %s", age_of(text, number_of(stage, "stay_s")));
        line = arena_printf(text->ctl->arena, i == here ? "%s%s[%s%s]" : "%s%s%s%s", line,
            i == 1 ? "" : "  >  ", text_of(text, stage, "name"), is);
    }
    if (line[0] != '\0')
        ctl_output_note("stages: %s", line);
}

/* Nobody pinned, and it asks: nothing is said. */
static void
print_guard(const struct text *text)
{
    const struct ctl_json *guard = ctl_json_get(text->plan, "guard");

    if (guard->kind != CTL_JSON_OBJECT)
        return;
    if (number_of(guard, "pinned") > 0 || number_of(guard, "unknown") > 0)
        ctl_output_note(
            "pinned to old by the guard: %s that new lacks, %s that neither side knows",
            value_of(text, guard, "pinned", ""), value_of(text, guard, "unknown", ""));
    if (!ctl_json_is_null(guard, "stopped"))
        ctl_output_alarm("the guard asks no more: %s", text_of(text, guard, "stopped"));
}

static void
print_head(const struct text *text)
{
    const struct ctl_json *plan = text->plan;
    const struct ctl_json *share = ctl_json_get(plan, "share");
    const struct ctl_json *hook = ctl_json_get(plan, "hook");
    struct span state = ctl_json_text(plan, "state");

    if (span_is(state, "rolled-back") || span_is(state, "bad"))
        ctl_output_alarm(
            "%s: %s", text_of(text, plan, "domain"), text_of(text, plan, "sentence"));
    else
        ctl_output_note(
            "%s: %s", text_of(text, plan, "domain"), text_of(text, plan, "sentence"));
    if (span_is(state, "rolled-back"))
        ctl_output_alarm("why: %s", value_of(text, plan, "why", ""));
    else if (!ctl_json_is_null(plan, "why"))
        ctl_output_note("why: %s", text_of(text, plan, "why"));
    if (!ctl_json_is_null(plan, "waits_for"))
        ctl_output_note("waits for: %s", text_of(text, plan, "waits_for"));
    if (hook->kind == CTL_JSON_OBJECT)
        ctl_output_note("running hook: %s, for %s", text_of(text, hook, "name"),
            age_of(text, text->now - number_of(hook, "since")));
    ctl_output_note("weight %s; on new: %s of the mail, %s of the units%s",
        value_of(text, plan, "weight", " %"), value_of(text, share, "mail", " %"),
        value_of(text, share, "units", " %"),
        ctl_json_is_true(share, "apart") ? ": more than a factor of two apart" : "");
    print_guard(text);
    print_stages(text);
}

/* --- gates --- */

static bool
is_yes(const struct ctl_json *gate)
{
    return span_is(ctl_json_text(gate, "answer"), "yes");
}

/* Those that say yes on one line, the others on one each. */
static void
print_gates_briefly(const struct text *text)
{
    const struct ctl_json *gates = ctl_json_get(text->plan, "gates");
    const char *open = "";

    for (const struct ctl_json *gate = gates->first; gate != NULL; gate = gate->next) {
        if (is_yes(gate))
            open = arena_printf(
                text->ctl->arena, "%s %s", open, text_of(text, gate, "name"));
    }
    if (open[0] != '\0')
        ctl_output_note("gates: yes:%s", open);
    for (const struct ctl_json *gate = gates->first; gate != NULL; gate = gate->next) {
        if (!is_yes(gate))
            ctl_output_note("  %s: %s: %s", text_of(text, gate, "answer"),
                text_of(text, gate, "name"), text_of(text, gate, "text"));
    }
}

static void
print_gates(const struct text *text)
{
    const struct ctl_json *gate = ctl_json_get(text->plan, "gates")->first;
    struct ctl_table_row rows[ROWS_MAX];
    struct ctl_table table = {
        .titles = {"GATE", "ANSWER", "VALUE, LIMIT, WINDOW"},
        .rigid = {true,   true,     false                 },
        .rows = rows,
    };

    for (; gate != NULL && table.count < ROWS_MAX; gate = gate->next)
        rows[table.count++] = (struct ctl_table_row){
            .cells = {text_of(text, gate, "name"), text_of(text, gate, "answer"),
                      text_of(text, gate, "text")},
        };
    if (table.count > 0)
        print_table(&table);
}

/* --- old beside new --- */

static void
fill_side(const struct text *text, const char *name, struct ctl_table_row *row)
{
    const struct ctl_json *side = ctl_json_get(ctl_json_get(text->plan, "sides"), name);

    *row = (struct ctl_table_row){
        .cells = {name, value_of(text, side, "delivered", ""),
                  value_of(text, side, "success", " %"),
                  value_of(text, side, "delay_ms", " ms"), value_of(text, side, "fail", ""),
                  value_of(text, side, "unknown", ""), value_of(text, side, "rejected", ""),
                  value_of(text, side, "waiting", ""),
                  ctl_json_is_null(side, "oldest_s")
                ? "-"
                : age_of(text, number_of(side, "oldest_s"))},
    };
}

static void
print_sides(const struct text *text)
{
    struct ctl_table_row rows[2];
    const struct ctl_table table = {
        .titles = {"SIDE", "DELIVERED", "SUCCESS", "DELAY", "FAILED", "UNKNOWN",
                   "REJECTED",                                                         "WAITING", "OLDEST"},
        .right = {false,  true,        true,      true,    true,     true,      true, true,      true    },
        .rows = rows,
        .count = 2,
    };

    if (ctl_json_get(text->plan, "sides")->kind != CTL_JSON_OBJECT)
        return;
    fill_side(text, "old", &rows[0]);
    fill_side(text, "new", &rows[1]);
    print_table(&table);
}

/* --- events --- */

static const char *
when(const struct text *text, int64_t time_s)
{
    time_t seconds = (time_t)time_s;
    struct tm parts;
    char out[32] = "";

    if (localtime_r(&seconds, &parts) != NULL)
        (void)strftime(out, sizeof(out), "%m-%d %H:%M:%S", &parts);
    return arena_text(text->ctl->arena, span_of(out));
}

static void
print_events(const struct text *text)
{
    const struct ctl_json *event = ctl_json_get(text->plan, "events")->first;
    size_t most = text->brief ? EVENTS_BRIEF : EVENTS_MAX;
    struct ctl_table_row rows[EVENTS_MAX];
    struct ctl_table table = {
        .titles = {"LAST EVENTS", "WHO", "WHAT", "CHANGE", "WHY"},
        .rigid = {true      },
        .rows = rows,
    };

    for (; event != NULL && table.count < most; event = event->next) {
        const char *from = text_of(text, event, "from");
        const char *to = text_of(text, event, "to");

        rows[table.count++] = (struct ctl_table_row){
            .cells = {when(text, number_of(event, "time")), text_of(text, event, "who"),
                      text_of(text, event, "what"),
                      from[0] == '\0' && to[0] == '\0'
                    ? ""
                    : arena_printf(text->ctl->arena, "%s -> %s",
                      from[0] == '\0' ? "-" : from, to[0] == '\0' ? "-" : to),
                      text_of(text, event, "why")},
        };
    }
    if (table.count > 0)
        print_table(&table);
}

void
ctl_plan_text_print(struct ctl *ctl, const struct ctl_json *plan, int64_t now, bool brief)
{
    const struct text text = {ctl, plan, now, brief};

    print_head(&text);
    if (brief)
        print_gates_briefly(&text);
    else
        print_gates(&text);
    print_sides(&text);
    print_events(&text);
    if (!ctl_json_is_null(plan, "command"))
        ctl_output_note("to do: %s", text_of(&text, plan, "command"));
}
