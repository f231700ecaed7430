/*
 * plan simulate: what a plan would have decided on a log, decision by decision.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_plan.h"
#include "policyd/ctl/ctl_simulation.h"
#include "policyd/maillog/maillog_line.h"
#include "policyd/terminal/ctl_table.h"
#include "shared/base/allocate.h"
#include "shared/base/number.h"
#include "shared/service/zone.h"

/* Words of ours: `plan simulate DOMAIN`. */
enum { FIRST = 2, OUT_MAX = 64 << 20, DECISIONS_MAX = 10000 };

struct decided {
    const char *when;
    const char *what;
    const char *by;
    const char *change;
    const char *why;
    const char *from;
    const char *to;
    int64_t time;
};

struct simulate {
    struct ctl *ctl;
    const char *name;
    const char *file;
    struct domain_field fields[CTL_PLAN_ALL_MAX];
    size_t field_count;
    bool old_is_site;
    struct decided *decided;
    size_t count;
};

/* --- what the simulation asks of this host --- */

static struct plan_local
local_of(const char *zone, int64_t unix_time)
{
    struct plan_local local = {0, 0};

    (void)zone_local(zone, unix_time, &local.weekday, &local.minute);
    return local;
}

static int
offset_of(int64_t unix_time)
{
    time_t seconds = (time_t)unix_time;
    struct tm parts;

    return localtime_r(&seconds, &parts) != NULL ? (int)parts.tm_gmtoff : 0;
}

static const char *
stamp(struct ctl *ctl, int64_t unix_time)
{
    char text[21];

    number_rfc3339_write(unix_time, text);
    return arena_text(ctl->arena, span_of(text));
}

static void
take_decision(void *argument, int64_t unix_time, const struct plan_write *write)
{
    struct simulate *simulate = argument;
    struct arena *arena = simulate->ctl->arena;

    if (simulate->count == DECISIONS_MAX)
        return;
    simulate->decided[simulate->count++] = (struct decided){
        .when = stamp(simulate->ctl, unix_time),
        .what = write->what,
        .by = write->by,
        .change =
            arena_printf(arena, "%s -> %s", write->from[0] == '\0' ? "-" : write->from,
                write->to[0] == '\0' ? "-" : write->to),
        .why = arena_text(arena, span_of(write->why)),
        .from = arena_text(arena, span_of(write->from)),
        .to = arena_text(arena, span_of(write->to)),
        .time = unix_time,
    };
}

/* --- the plan --- */

/* Of what stands in Redis what an operator sets, with what is given laid over it. */
static int
read_plan(struct simulate *simulate)
{
    struct ctl *ctl = simulate->ctl;
    struct domain_field ours[] = {
        {SPAN("state"),      SPAN("")},
        {SPAN("stage"),      SPAN("")},
        {SPAN("since"),      SPAN("")},
        {SPAN("order"),      SPAN("")},
        {SPAN("past"),       SPAN("")},
        {SPAN("step"),       SPAN("")},
        {SPAN("step_by"),    SPAN("")},
        {SPAN("step_since"), SPAN("")},
        {SPAN("weight"),     SPAN("")},
        {SPAN("edited"),     SPAN("")},
        {SPAN("why"),        SPAN("")},
        {SPAN("rev"),        SPAN("")},
    };
    struct ctl_plan_fields given;
    struct domain_field all[ARRAY_LENGTH(ours) + CTL_PLAN_FIELDS_MAX];
    size_t count = 0;
    struct ctl_plan plan;
    struct ctl_domain domain;
    struct domain_problem problem;
    struct plan_record record;
    struct error error;

    if (!ctl_plan_words(ctl, FIRST, &given))
        return CTL_USAGE;
    if (!ctl_plan_read(ctl, simulate->name, &plan, &error) ||
        !ctl_store_domain(ctl, span_of(simulate->name), &domain, &error))
        return ctl_store_fail(ctl, &error);
    simulate->old_is_site =
        domain.state != NULL && domain_state_old_is_site(domain.state);
    ctl_domain_clear(&domain);
    for (size_t i = 0; i < ARRAY_LENGTH(ours); i++)
        all[count++] = ours[i];
    for (size_t i = 0; i < given.count; i++)
        all[count++] = given.items[i];
    simulate->field_count = ctl_plan_lay_over(&plan.hash, all, count, simulate->fields);
    for (size_t i = 0; i < simulate->field_count; i++) {
        simulate->fields[i].name = arena_span(ctl->arena, simulate->fields[i].name);
        simulate->fields[i].value = arena_span(ctl->arena, simulate->fields[i].value);
    }
    if (!plan_record_parse(simulate->fields, simulate->field_count, &record, &problem))
        return ctl_output_fail(
            CTL_NO, "%s: %s", simulate->name, ctl_plan_problem(ctl, &problem));
    return CTL_DONE;
}

/* --- the log --- */

static bool
read_log(struct simulate *simulate, struct ctl_simulation *simulation, FILE *log,
    struct error *error)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    bool done;

    while ((length = getline(&line, &room, log)) >= 0) {
        size_t octets = (size_t)length;

        if (octets > 0 && line[octets - 1] == '\n')
            octets--;
        if (octets <= MAILLOG_LINE_MAX)
            ctl_simulation_line(simulation, span_make(line, octets));
    }
    done = !ferror(log);
    free(line);
    return done || error_permanent(error, "%s: %s", simulate->file, strerror(errno));
}

static int64_t
time_of_file(FILE *log)
{
    struct stat found;

    return fstat(fileno(log), &found) == 0 && S_ISREG(found.st_mode)
               ? (int64_t)found.st_mtime * 1000
               : (int64_t)time(NULL) * 1000;
}

/* --- what came of it --- */

static void
write_json(struct simulate *simulate, const struct ctl_simulation_end *end)
{
    struct buffer out;
    struct json json;

    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_text(&json, "domain", simulate->name);
    json_integer(&json, "first", end->first);
    json_integer(&json, "last", end->last);
    json_integer(&json, "delivered_old", (int64_t)end->delivered[SIDE_OLD]);
    json_integer(&json, "delivered_new", (int64_t)end->delivered[SIDE_NEW]);
    json_array_begin(&json, "decisions");
    for (size_t i = 0; i < simulate->count; i++) {
        const struct decided *decided = &simulate->decided[i];

        json_object_begin(&json, NULL);
        json_integer(&json, "time", decided->time);
        json_text(&json, "what", decided->what);
        json_text(&json, "by", decided->by);
        json_text(&json, "from", decided->from);
        json_text(&json, "to", decided->to);
        json_text(&json, "why", decided->why);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_text(&json, "state", plan_state_name(end->page.plan->state));
    json_integer(&json, "stage", (int64_t)end->page.plan->stage);
    json_hundredths(&json, "weight", end->page.state->weight);
    json_array_begin(&json, "gates");
    for (size_t i = 0; i < end->page.gate_count; i++) {
        json_object_begin(&json, NULL);
        json_text(&json, "name", plan_gate_name(end->page.gates[i].kind));
        json_text(&json, "answer", plan_answer_name(end->page.gates[i].answer));
        json_text(&json, "text", end->page.gates[i].text);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    ctl_output_document(&out);
}

static void
print_decisions(struct simulate *simulate)
{
    struct ctl_table_row *rows =
        arena_take(simulate->ctl->arena, (simulate->count + 1) * sizeof(*rows));
    const struct ctl_table table = {
        .titles = {"TIME (UTC)", "DECISION", "BY", "CHANGE", "WHY"},
        .rigid = {true       },
        .rows = rows,
        .count = simulate->count,
    };
    struct buffer out;

    for (size_t i = 0; i < simulate->count; i++)
        rows[i] = (struct ctl_table_row){
            .cells = {simulate->decided[i].when, simulate->decided[i].what,
                      simulate->decided[i].by, simulate->decided[i].change,
                      simulate->decided[i].why},
        };
    buffer_init(&out, OUT_MAX);
    ctl_table_write(&out, &table, CTL_TABLE_WIDTH, false);
    ctl_output_raw(buffer_span(&out));
    buffer_clear(&out);
}

static void
print(struct simulate *simulate, const struct ctl_simulation_end *end)
{
    char sentence[PLAN_SENTENCE_MAX];
    char waits_for[PLAN_SENTENCE_MAX];

    ctl_output_note("%s, %s to %s: first attempts accepted by old %" PRIu64
                    ", by new %" PRIu64,
        simulate->name, stamp(simulate->ctl, end->first), stamp(simulate->ctl, end->last),
        end->delivered[SIDE_OLD], end->delivered[SIDE_NEW]);
    if (end->delivered[SIDE_NEW] == 0)
        ctl_output_note("no delivery by cutover-new is in this log: gates that need some "
                        "can't say yes");
    print_decisions(simulate);
    plan_page_sentence(&end->page, sentence);
    plan_page_waits_for(&end->page, waits_for);
    ctl_output_note("at the end: %s", sentence);
    if (waits_for[0] != '\0')
        ctl_output_note("it waits for: %s", waits_for);
}

static const char *
instances_of(struct ctl *ctl)
{
    const struct config_list *instances = &ctl->config->instances;
    const char *all = "";

    for (size_t i = 0; i < instances->count; i++)
        all = arena_printf(ctl->arena, "%s%s ", all, instances->items[i]);
    return all;
}

static int
run(struct simulate *simulate, FILE *log)
{
    struct ctl *ctl = simulate->ctl;
    const struct ctl_simulation_options options = {
        .domain = simulate->name,
        .fields = simulate->fields,
        .field_count = simulate->field_count,
        .slot_ms = (int64_t)ctl->config->slot_ms,
        .min_samples = ctl->config->min_samples,
        .old_is_site = simulate->old_is_site,
        .instances = instances_of(ctl),
        .near_ms = time_of_file(log),
        .local = local_of,
        .offset = offset_of,
        .decided = take_decision,
        .argument = simulate,
    };
    struct ctl_simulation *simulation = ctl_simulation_new(&options);
    struct ctl_simulation_end end;
    struct error error;
    int status = CTL_DONE;

    if (!read_log(simulate, simulation, log, &error)) {
        status = ctl_output_fail(CTL_NO, "%s", error.text);
    } else {
        ctl_simulation_end(simulation, &end);
        if (end.first == 0)
            status = ctl_output_fail(
                CTL_NO, "%s: no line of Postfix is in it", simulate->file);
        else if (ctl_arguments_has(&ctl->arguments, CTL_JSON))
            write_json(simulate, &end);
        else
            print(simulate, &end);
    }
    ctl_simulation_free(simulation);
    return status;
}

int
ctl_plan_simulate(struct ctl *ctl)
{
    struct simulate simulate = {
        .ctl = ctl,
        .name = ctl_store_canonical_domain(ctl, ctl->arguments.words[1]),
        .file = ctl->arguments.values[CTL_LOG],
    };
    FILE *log;
    int status;

    if (simulate.name == NULL)
        return CTL_USAGE;
    if (simulate.file == NULL)
        return ctl_output_fail(CTL_USAGE,
            "a log is wanted: plan simulate DOMAIN --log FILE (- is standard "
            "input)");
    status = read_plan(&simulate);
    if (status != CTL_DONE)
        return status;
    log = strcmp(simulate.file, "-") == 0 ? stdin : fopen(simulate.file, "re");
    if (log == NULL)
        return ctl_output_fail(CTL_NO, "%s: %s",
            ctl_output_text(ctl->arena, span_of(simulate.file)), strerror(errno));
    simulate.decided = allocate_array(DECISIONS_MAX, sizeof(*simulate.decided));
    status = run(&simulate, log);
    free(simulate.decided);
    if (log != stdin)
        (void)fclose(log);
    return status;
}
