#include "policyd/ctl/ctl_simulation.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/maillog/maillog_event.h"
#include "policyd/maillog/maillog_reply.h"
#include "policyd/maillog/outcome.h"
#include "policyd/plan/plan_doubt.h"
#include "policyd/plan/plan_trigger.h"
#include "policyd/replica/packed_table.h"
#include "shared/base/allocate.h"
#include "shared/base/arena.h"

enum {
    HASH_MAX = 64,   /* fields of a simulated hash */
    AT_ONCE_MAX = 8, /* decisions of one moment: prepare, advance, and what follows */
    ARENA_MAX = 64 << 20,
    KEY_MAX = 2048,
    RECIPIENTS_MAX = 1 << 16,
    SILENT_MS = 10 * 60 * 1000,
    KEPT_MS = 26 * 60 * 60 * 1000, /* of counts, and what triggers look at */
};

struct hash {
    struct domain_field fields[HASH_MAX];
    size_t count;
};

struct ctl_simulation {
    struct ctl_simulation_options options;
    struct arena *arena;
    struct hash plan_hash;
    struct hash domain_hash;
    struct plan_record plan;
    struct domain_state *state;
    struct plan_series series;
    struct judge_watch failures;
    struct judge_watch slow;
    struct packed_table seen; /* host and queue id -> recipients, a line each */
    struct plan_gate gates[PLAN_GATES];
    size_t gate_count;
    int64_t first_ms;
    int64_t now_ms;  /* of the newest line */
    int64_t next_ms; /* when the plan is asked next */
    uint64_t delivered[DOMAIN_SIDES];
};

/* --- the two hashes --- */

static void
set(struct ctl_simulation *simulation, struct hash *hash, struct span name,
    struct span value)
{
    size_t i = 0;

    while (i < hash->count && !span_equal(hash->fields[i].name, name))
        i++;
    if (value.length == 0) {
        if (i < hash->count)
            hash->fields[i] = hash->fields[--hash->count];
        return;
    }
    if (i == HASH_MAX)
        return;
    if (i == hash->count)
        hash->fields[hash->count++].name = arena_span(simulation->arena, name);
    hash->fields[i].value = arena_span(simulation->arena, value);
}

static void
read_hashes(struct ctl_simulation *simulation)
{
    static const struct domain_state_rules rules = {.allow_loopback = true};
    struct domain_problem problem;
    struct domain_state *state = domain_state_parse(span_of(simulation->options.domain),
        simulation->domain_hash.fields, simulation->domain_hash.count, &rules, &problem,
        NULL, NULL);

    if (state != NULL) {
        domain_state_free(simulation->state);
        simulation->state = state;
    }
    (void)plan_record_parse(simulation->plan_hash.fields, simulation->plan_hash.count,
        &simulation->plan, &problem);
}

static void
apply(struct ctl_simulation *simulation, const struct plan_write *write)
{
    int64_t since = simulation->plan.since;

    for (size_t i = 0; i < write->plan_count; i++)
        set(simulation, &simulation->plan_hash, write->plan[i].name,
            write->plan[i].value);
    for (size_t i = 0; i < write->domain_count; i++)
        set(simulation, &simulation->domain_hash, write->domain[i].name,
            write->domain[i].value);
    read_hashes(simulation);
    if (simulation->plan.since != since) {
        judge_watch_restart(&simulation->failures);
        judge_watch_restart(&simulation->slow);
    }
}

/* --- deciding --- */

static void
gather(struct ctl_simulation *simulation, int64_t at_ms, struct plan_facts *facts)
{
    const struct plan_sources sources = {
        .redis_up = true,
        .log_silent = at_ms - simulation->now_ms > SILENT_MS,
        .log_silent_since = simulation->now_ms / 1000,
        .probe_good = true,
    };

    *facts = (struct plan_facts){
        .now_ms = at_ms,
        .local = simulation->options.local(simulation->plan.timezone, at_ms / 1000),
        .series = &simulation->series,
        .min_samples = simulation->options.min_samples,
        .judge = &simulation->failures.judge,
        .slow_judge = &simulation->slow.judge,
    };
    plan_doubt_find(&sources, simulation->options.slot_ms, &facts->doubt);
}

static void
ask(struct ctl_simulation *simulation, int64_t at_ms)
{
    struct plan_facts *facts = allocate(sizeof(*facts));

    gather(simulation, at_ms, facts);
    simulation->gate_count = plan_gates_ask(&simulation->plan, facts, simulation->gates);
    free(facts);
}

/* False: it stands. */
static bool
decide(struct ctl_simulation *simulation, int64_t at_ms)
{
    const struct plan_record *plan = &simulation->plan;
    const struct plan_domain domain = {
        .name = span_of(simulation->options.domain), .state = simulation->state};
    struct plan_alarm slow;
    struct plan_alarm fast;
    const struct plan_view view = {
        .plan = plan,
        .domain = &domain,
        .gates = simulation->gates,
        .gate_count = simulation->gate_count,
        .slow = &slow,
        .fast = &fast,
        .freeze = "",
        .hook = PLAN_HOOK_NONE,
        .gateway = "simulation",
        .now = at_ms / 1000,
    };
    struct plan_decision decision;
    struct plan_write write;

    plan_trigger_look(&plan->slow, &simulation->series, plan->since * 1000, at_ms, &slow);
    plan_trigger_look(&plan->fast, &simulation->series, plan->since * 1000, at_ms, &fast);
    plan_step_decide(&view, &decision);
    if (decision.move == PLAN_STAND || decision.move == PLAN_CALL_OFF)
        return false;
    plan_write_step(&view, &decision, &write);
    apply(simulation, &write);
    simulation->options.decided(simulation->options.argument, at_ms / 1000, &write);
    return true;
}

static void
look(struct ctl_simulation *simulation, int64_t at_ms)
{
    int64_t over_ms = (int64_t)simulation->plan.slow.over_ms;

    ask(simulation, at_ms);
    for (int i = 0; i < AT_ONCE_MAX && decide(simulation, at_ms); i++)
        ask(simulation, at_ms);
    plan_series_drop(&simulation->series, at_ms - KEPT_MS - over_ms);
}

/* All ends of slots up to there. */
static void
pass_time(struct ctl_simulation *simulation, int64_t time_ms)
{
    int64_t slot_ms = simulation->options.slot_ms;

    if (simulation->first_ms == 0) {
        simulation->first_ms = time_ms;
        simulation->now_ms = time_ms;
        simulation->next_ms = (time_ms / slot_ms + 1) * slot_ms;
        look(simulation, time_ms);
    }
    for (; simulation->next_ms <= time_ms; simulation->next_ms += slot_ms)
        look(simulation, simulation->next_ms);
    if (time_ms > simulation->now_ms)
        simulation->now_ms = time_ms;
}

/* --- the log --- */

static struct span
key_of(
    const struct maillog_line *line, const struct maillog_event *event, char key[KEY_MAX])
{
    struct buffer text;

    buffer_init(&text, KEY_MAX);
    buffer_append(&text, line->host);
    buffer_append_octet(&text, '\n');
    buffer_append(&text, event->queue_id);
    (void)span_copy(buffer_span(&text), key, KEY_MAX);
    buffer_clear(&text);
    return span_of(key);
}

/* Whether it is the first attempt of that recipient of that message; remembers it. */
static bool
is_first(struct ctl_simulation *simulation, const struct maillog_line *line,
    const struct maillog_event *event)
{
    char key_text[KEY_MAX] = "";
    struct span key = key_of(line, event, key_text);
    struct span known = SPAN("");
    struct span rest;
    struct span recipient;
    struct buffer all;

    (void)packed_table_find(&simulation->seen, key, &known);
    for (rest = known; span_split(&rest, '\n', &recipient);) {
        if (span_equal(recipient, event->to))
            return false;
    }
    buffer_init(&all, RECIPIENTS_MAX);
    buffer_append(&all, known);
    buffer_append(&all, event->to);
    buffer_append_octet(&all, '\n');
    if (buffer_ok(&all))
        (void)packed_table_put(&simulation->seen, key, buffer_span(&all));
    buffer_clear(&all);
    return true;
}

/* DOMAIN_SIDES: neither. */
static enum domain_side
side_of(const struct ctl_simulation *simulation, const struct maillog_line *line)
{
    if (span_is(line->service, "cutover-new") ||
        span_is(line->service, "cutover-new-lmtp"))
        return SIDE_NEW;
    if (span_is(line->service, "cutover-old") ||
        span_is(line->service, "cutover-old-lmtp"))
        return SIDE_OLD;
    if (span_starts(line->service, SPAN("cutover-")) || span_is(line->daemon, "error") ||
        span_is(line->daemon, "retry"))
        return DOMAIN_SIDES;
    return simulation->options.old_is_site ? SIDE_OLD : DOMAIN_SIDES;
}

static bool
is_of_domain(const struct ctl_simulation *simulation, struct span recipient)
{
    size_t at = span_find_last(recipient, '@');

    return at != SPAN_NONE &&
           span_is_nocase(span_from(recipient, at + 1), simulation->options.domain);
}

static void
judge(struct ctl_simulation *simulation, const struct maillog_event *event, bool on_new,
    bool has_failed, uint64_t delay_ms)
{
    int64_t now_ms = simulation->now_ms;

    if (has_failed) {
        judge_watch_failed(&simulation->failures, now_ms, on_new, event->text);
        return;
    }
    judge_watch_delivered(&simulation->failures, now_ms, on_new);
    judge_watch_delivered(&simulation->slow, now_ms, on_new);
    if (delay_ms > simulation->plan.max_delay_ms)
        judge_watch_failed(&simulation->slow, now_ms, on_new, SPAN("slow"));
}

static void
count(struct ctl_simulation *simulation, const struct maillog_event *event,
    enum domain_side side, int64_t time_ms)
{
    struct plan_slot *slot = plan_series_at(&simulation->series, time_ms);
    uint64_t delay_ms = event->delays_ms[2] + event->delays_ms[3];
    struct maillog_reply reply;
    enum outcome outcome;
    uint64_t *counters[OUTCOME_COUNT];
    struct plan_counts *counts;

    if (slot == NULL)
        return;
    maillog_reply_parse(event->text, &reply);
    outcome = outcome_of(event->status, &reply);
    counts = &slot->sides[side];
    counters[OUTCOME_OK] = &counts->ok;
    counters[OUTCOME_FAIL] = &counts->fail;
    counters[OUTCOME_NEUTRAL] = &counts->neutral;
    counters[OUTCOME_REJECTED] = &counts->rejected;
    counters[OUTCOME_UNKNOWN] = &counts->unknown;
    counters[OUTCOME_TOO_BIG] = &counts->toobig;
    (*counters[outcome])++;
    if (outcome == OUTCOME_OK) {
        counts->delay_ms += delay_ms;
        counts->delay_count++;
        simulation->delivered[side]++;
    }
    if (outcome == OUTCOME_OK || outcome == OUTCOME_FAIL)
        judge(simulation, event, side == SIDE_NEW, outcome == OUTCOME_FAIL, delay_ms);
}

static void
take_attempt(struct ctl_simulation *simulation, const struct maillog_line *line,
    const struct maillog_event *event, int64_t time_ms)
{
    enum domain_side side = side_of(simulation, line);

    if (side == DOMAIN_SIDES || event->status == MAILLOG_DELIVERABLE ||
        event->status == MAILLOG_UNDELIVERABLE || !is_of_domain(simulation, event->to) ||
        !is_first(simulation, line, event))
        return;
    count(simulation, event, side, time_ms);
}

void
ctl_simulation_line(struct ctl_simulation *simulation, struct span text)
{
    const struct ctl_simulation_options *options = &simulation->options;
    int64_t near_ms = simulation->now_ms != 0 ? simulation->now_ms : options->near_ms;
    struct maillog_line line;
    struct maillog_event event;
    char key[KEY_MAX] = "";
    int64_t time_ms;
    int offset;

    if (!maillog_line_parse(text, span_of(options->instances), &line) ||
        line.program != MAILLOG_POSTFIX)
        return;
    offset = options->offset(near_ms / 1000);
    time_ms = simulation->now_ms != 0
                  ? maillog_stamp_time(&line.stamp, near_ms, offset)
                  : maillog_stamp_first_time(&line.stamp, near_ms, offset);
    pass_time(simulation, time_ms);
    maillog_event_parse(&line, &event);
    if (event.kind == MAILLOG_ATTEMPT)
        take_attempt(simulation, &line, &event, time_ms);
    else if (event.kind == MAILLOG_REMOVED)
        (void)packed_table_remove(&simulation->seen, key_of(&line, &event, key));
}

/* --- life --- */

struct ctl_simulation *
ctl_simulation_new(const struct ctl_simulation_options *options)
{
    struct ctl_simulation *simulation = allocate(sizeof(*simulation));

    simulation->options = *options;
    simulation->arena = arena_new(ARENA_MAX);
    simulation->series.slot_ms = options->slot_ms;
    packed_table_init(&simulation->seen, (struct hash_key){0});
    set(simulation, &simulation->domain_hash, SPAN("old"),
        SPAN("cutover-old:[192.0.2.1]:25"));
    set(simulation, &simulation->domain_hash, SPAN("new"),
        SPAN("cutover-new:[192.0.2.2]:25"));
    set(simulation, &simulation->domain_hash, SPAN("weight"), SPAN("0"));
    set(simulation, &simulation->domain_hash, SPAN("inside"), SPAN("accept"));
    for (size_t i = 0; i < options->field_count; i++)
        set(simulation, &simulation->plan_hash, options->fields[i].name,
            options->fields[i].value);
    set(simulation, &simulation->plan_hash, SPAN("state"), SPAN("waiting"));
    read_hashes(simulation);
    return simulation;
}

void
ctl_simulation_free(struct ctl_simulation *simulation)
{
    packed_table_clear(&simulation->seen);
    plan_series_clear(&simulation->series);
    domain_state_free(simulation->state);
    arena_free(simulation->arena);
    free(simulation);
}

void
ctl_simulation_end(struct ctl_simulation *simulation, struct ctl_simulation_end *end)
{
    ask(simulation, simulation->now_ms);
    *end = (struct ctl_simulation_end){
        .first = simulation->first_ms / 1000,
        .last = simulation->now_ms / 1000,
        .page =
            {
                   .domain = span_of(simulation->options.domain),
                   .plan = &simulation->plan,
                   .state = simulation->state,
                   .gates = simulation->gates,
                   .gate_count = simulation->gate_count,
                   .next = plan_step_next(&simulation->plan, simulation->state),
                   .series = &simulation->series,
                   .now = simulation->now_ms / 1000,
                   .units_on_new = -1,
                   },
    };
    memcpy(end->delivered, simulation->delivered, sizeof(end->delivered));
}
