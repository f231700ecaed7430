/* What is said of plans, to the log, to metrics and on the page: a part of plan_runner.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/cutover/plan_runner_inside.h"
#include "policyd/plan/plan_page.h"
#include "policyd/routing/unit_share.h"
#include "shared/service/log.h"

enum { EVENTS = 8 };

static const char *const sides[DOMAIN_SIDES] = {"old", "new"};

/* "plan-advance" counts as advance. */
static const char *
kind_of(const struct plan_write *write)
{
    return strncmp(write->what, "plan-", 5) == 0 ? write->what + 5 : write->what;
}

/* What a trigger saw; else all of the stage. */
static void
find_figures(const struct plan_run *run, const struct plan_decision *decision,
    uint64_t *samples, double *availability)
{
    const struct plan_entry *entry = run->entry;
    struct plan_counts counts;

    if (strcmp(decision->by, "slow-trigger") == 0) {
        *samples = run->slow.samples;
        *availability = run->slow.availability;
    } else if (strcmp(decision->by, "fast-trigger") == 0) {
        *samples = run->fast.samples;
        *availability = run->fast.availability;
    } else {
        plan_series_sum(
            &entry->series, SIDE_NEW, entry->record.since * 1000, INT64_MAX, &counts);
        *samples = counts.ok + counts.fail;
        *availability = plan_counts_success(&counts);
    }
}

void
plan_tell_done(const struct plan_run *run, const struct plan_decision *decision,
    const struct plan_write *write)
{
    const struct plan_record *plan = &run->entry->record;
    bool is_advance = decision->move == PLAN_ADVANCE;
    const char *labels[] = {run->entry->domain, kind_of(write)};
    char stage[48];
    uint64_t samples;
    double availability;

    (void)snprintf(stage, sizeof(stage), "%zu/%zu",
        is_advance ? decision->stage : plan->stage, plan->stage_count);
    find_figures(run, decision, &samples, &availability);
    log_info("transition", log_text("domain", run->entry->domain),
        log_text("kind", kind_of(write)), log_text("from", write->from),
        log_text("to", write->to), log_text("stage", stage), log_text("by", write->by),
        log_number("version", (int64_t)write->rev),
        log_number("samples", (int64_t)samples),
        availability >= 0
            ? log_hundredths("availability", (int64_t)(availability * 10000 + 0.5))
            : log_nothing(),
        log_note(write->why));
    if (decision->move != PLAN_LET_GO)
        metrics_add(metrics_series(run->runner->context.metrics,
                        "cutover_transitions_total", labels),
            1);
}

void
plan_tell_bad(struct plan_run *run, const char *problem)
{
    run->decision = (struct plan_decision){.move = PLAN_STAND, .by = "plan"};
    run->gate_count = 0;
    if (strcmp(run->told, problem) == 0)
        return;
    (void)snprintf(run->told, sizeof(run->told), "%s", problem);
    log_warning("plan", log_text("domain", run->entry->domain), log_text("state", "bad"),
        log_note(problem));
}

void
plan_tell_zone(struct plan_run *run, bool no_zone)
{
    const char *zone = no_zone ? run->entry->record.timezone : "";

    if (strcmp(run->told_zone, zone) == 0)
        return;
    (void)snprintf(run->told_zone, sizeof(run->told_zone), "%s", zone);
    if (no_zone)
        log_say(LOG_LEVEL_WARNING,
            "the plan of %s: timezone=%s is not known on this machine, so its window is "
            "not known and nothing advances (package tzdata)",
            run->entry->domain, zone);
}

/* --- metrics --- */

static void
set_availability(const struct plan_run *run, const struct plan_trigger *trigger,
    const char *window, int64_t now_ms)
{
    const struct plan_series *series = &run->entry->series;
    int64_t to = now_ms / series->slot_ms * series->slot_ms;

    for (unsigned side = 0; side < DOMAIN_SIDES; side++) {
        const char *const labels[] = {run->entry->domain, sides[side], window};
        uint64_t samples;
        double availability = plan_series_availability(
            series, (enum domain_side)side, to - (int64_t)trigger->over_ms, to, &samples);

        if (availability >= 0)
            metrics_set(metrics_series(run->runner->context.metrics,
                            "cutover_availability_ratio", labels),
                availability);
        else
            metrics_forget(
                run->runner->context.metrics, "cutover_availability_ratio", labels);
    }
}

static void
set_state(struct metrics *metrics, const char *domain, enum plan_state state)
{
    for (unsigned i = PLAN_WAITING; i < PLAN_STATES; i++) {
        const char *const labels[] = {domain, plan_state_name((enum plan_state)i)};

        metrics_set(
            metrics_series(metrics, "cutover_plan_state", labels), i == (unsigned)state);
    }
}

void
plan_runner_measure(struct plan_runner *runner)
{
    guards_measure(runner->guards);
    for (size_t i = 0; i < plan_store_count(runner->context.store); i++) {
        const struct plan_entry *entry = plan_store_at(runner->context.store, i);
        const char *const labels[] = {entry->domain};
        const struct plan_run *run = entry->owner;

        if (run == NULL)
            continue;
        set_state(runner->context.metrics, entry->domain, entry->record.state);
        metrics_set(metrics_series(runner->context.metrics, "cutover_plan_stage", labels),
            (double)entry->record.stage);
        if (run->asks != NULL)
            plan_asks_measure(run->asks, runner->context.metrics);
        set_availability(run, &entry->record.slow, "slow", runner->self.now_ms);
        set_availability(run, &entry->record.fast, "fast", runner->self.now_ms);
    }
}

void
plan_tell_preflight(struct plan_run *run)
{
    const struct plan_preflight *kept = &run->entry->preflight;
    char text[PLAN_TEXT_MAX];

    (void)snprintf(text, sizeof(text), "%s|%s", kept->failed, kept->unknown);
    if (strcmp(text, run->told_preflight) == 0 ||
        (run->told_preflight[0] == '\0' && strcmp(text, "|") == 0))
        return;
    memcpy(run->told_preflight, text, sizeof(text));
    if (strcmp(text, "|") == 0)
        log_info("preflight", log_text("domain", run->entry->domain),
            log_text("blocking", "none"));
    else
        log_warning("preflight", log_text("domain", run->entry->domain),
            log_text("failed", kept->failed), log_text("unknown", kept->unknown));
}

void
plan_tell_gone(struct plan_runner *runner, const char *domain)
{
    static const char *const windows[] = {"slow", "fast"};
    struct metrics *metrics = runner->context.metrics;
    const char *const stage[] = {domain};

    metrics_forget(metrics, "cutover_plan_stage", stage);
    for (unsigned i = PLAN_WAITING; i < PLAN_STATES; i++) {
        const char *const labels[] = {domain, plan_state_name((enum plan_state)i)};

        metrics_forget(metrics, "cutover_plan_state", labels);
    }
    for (unsigned i = 0; i < 4; i++) {
        const char *const labels[] = {domain, sides[i % 2], windows[i / 2]};

        metrics_forget(metrics, "cutover_availability_ratio", labels);
    }
}

/* --- the page --- */

static double
units_on_new(const struct plan_runner *runner, const struct plan_entry *entry)
{
    return unit_share_on_new(&runner->context.config->served.route_rules,
        runner->owner.replica(runner->owner.argument), span_of(entry->domain),
        runner->self.now_ms / 1000);
}

/* False: nobody has said anything. */
static bool
tell_rehearsal(const struct plan_entry *entry, struct plan_page_rehearsal *told)
{
    const struct rehearsal_sum *sum = &entry->rehearsal.total;

    *told = (struct plan_page_rehearsal){
        .stage = sum->stage,
        .movers = sum->movers,
        .asked = rehearsal_sum_asked(sum),
        .clean = sum->answers[REHEARSAL_FINE],
        .refused = sum->answers[REHEARSAL_REFUSED],
        .defers = sum->answers[REHEARSAL_DEFERS],
        .cant_tell = sum->answers[REHEARSAL_CANT_TELL],
        .time = sum->time,
        .why = sum->why,
    };
    return entry->rehearsal.gateways > 0;
}

static void
write_one(struct plan_runner *runner, struct plan_entry *entry, struct json *json)
{
    struct plan_run *run = plan_run_of(runner, entry);
    struct plan_page_event events[EVENTS];
    struct plan_domain domain;
    struct guards_pinned pinned = {0, 0};
    struct plan_page_rehearsal rehearsal;
    bool knows_pinned = guards_pinned(runner->guards, entry->domain, &pinned);
    struct plan_page page = {
        .domain = span_of(entry->domain),
        .plan = entry->is_bad || run->told[0] != '\0' ? NULL : &entry->record,
        .problem = entry->is_bad ? entry->problem : run->told,
        .gates = run->gates,
        .gate_count = run->gate_count,
        .series = &entry->series,
        .now = runner->self.now_ms / 1000,
        .knows_waiting = run->knows_waiting,
        .waiting = {run->waiting.waiting[BACKEND_OLD],          run->waiting.waiting[BACKEND_NEW]},
        .oldest = {run->waiting.oldest_ms[BACKEND_OLD] / 1000,
                    run->waiting.oldest_ms[BACKEND_NEW] / 1000                                   },
        .units_on_new = units_on_new(runner, entry),
        .knows_pinned = knows_pinned,
        .pinned = pinned.known,
        .unknown = pinned.unknown,
        .guard_stopped = guards_stopped(runner->guards, entry->domain),
        .events = events,
    };

    if (tell_rehearsal(entry, &rehearsal))
        page.rehearsal = &rehearsal;
    plan_run_domain(run, &domain);
    page.state = domain.state;
    if (page.plan != NULL && domain.state != NULL)
        page.next = plan_step_next(page.plan, domain.state);
    page.hook = plan_hooks_running(runner->hooks, entry->domain, &page.hook_since);
    page.event_count = plan_news_of(runner->news, entry->domain, events, EVENTS);
    plan_page_write(json, &page);
}

void
plan_runner_write_guard(
    const struct plan_runner *runner, struct span domain, struct json *json)
{
    char name[256];
    struct guards_pinned pinned;
    const char *stopped;

    (void)span_copy(span_first(domain, sizeof(name) - 1), name, sizeof(name));
    if (!guards_pinned(runner->guards, name, &pinned)) {
        json_null(json, "guard");
        return;
    }
    stopped = guards_stopped(runner->guards, name);
    json_object_begin(json, "guard");
    json_integer(json, "pinned", (int64_t)pinned.known);
    json_integer(json, "unknown", (int64_t)pinned.unknown);
    json_text(json, "stopped", stopped[0] != '\0' ? stopped : NULL);
    json_object_end(json);
}

void
plan_runner_write(struct plan_runner *runner, struct json *json)
{
    json_array_begin(json, "plans");
    for (size_t i = 0; i < plan_store_count(runner->context.store); i++)
        write_one(runner, plan_store_at(runner->context.store, i), json);
    json_array_end(json);
    gateway_watch_write(runner->gateways, runner->self.now_ms, json);
}
