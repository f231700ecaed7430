#include "policyd/cutover/plan_runner.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/cutover/plan_runner_inside.h"
#include "policyd/cutover/plan_waiting.h"
#include "policyd/plan/plan_text.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

/* A look each second, and twice where slots are that short. */
enum {
    TICK_MS = 500,
    LONG_SLOT_MS = 5000,
    JUDGED_MS = 2000,
};

/* --- one plan --- */

/* Its plan is no longer there. */
static void
entry_gone(void *argument, struct plan_entry *entry)
{
    struct plan_runner *runner = argument;
    struct plan_run *run = entry->owner;

    if (run == NULL)
        return;
    plan_act_call_off(run);
    plan_tell_gone(runner, entry->domain);
    movers_free(run->movers);
    plan_asks_free(run->asks);
    free(run->write);
    free(run);
    entry->owner = NULL;
}

/* What was judged before a restart of ours counts on, where it is of the same stage. */
static void
look_at_judges(struct plan_run *run)
{
    const struct plan_entry *entry = run->entry;
    bool is_first = run->judges.since == 0;

    if (run->judges.since == entry->record.since)
        return;
    if (is_first && entry->has_own)
        plan_judges_begin(
            &run->judges, entry->record.since, &entry->own_judge, &entry->own_slow);
    else
        plan_judges_begin(&run->judges, entry->record.since, NULL, NULL);
    run->bad_since_ms = 0;
}

/* A part of the figures, as after a start or a time without Redis, pulls nothing. */
static void
look_at_triggers(struct plan_run *run, int64_t now_ms)
{
    const struct plan_entry *entry = run->entry;
    const struct plan_record *plan = &entry->record;

    if (!entry->is_whole) {
        run->slow = run->fast = (struct plan_alarm){
            .availability = -1, .text = "not known: counts are being read"};
        return;
    }
    plan_trigger_look(
        &plan->slow, &entry->series, plan->since * 1000, now_ms, &run->slow);
    plan_trigger_look(
        &plan->fast, &entry->series, plan->since * 1000, now_ms, &run->fast);
    if (run->slow.is_pulled)
        run->bad_since_ms = run->slow.bad_since_ms;
    else if (run->fast.is_pulled)
        run->bad_since_ms = run->fast.bad_since_ms;
}

/* A hook that has ended counts for the step that it was run for. */
static void
look_at_hook(struct plan_run *run)
{
    const struct plan_record *plan = &run->entry->record;
    const char *path = plan_hooks_path(run->runner->hooks, HOOK_BEFORE_ADVANCE);
    bool is_ours = plan->step == run->hook_stage &&
                   strcmp(plan->step_by, run->runner->context.gateway) == 0;

    if (run->hook == PLAN_HOOK_RUNNING)
        return;
    if (path[0] == '\0')
        run->hook = PLAN_HOOK_NONE;
    else if (run->hook == PLAN_HOOK_NONE || !is_ours)
        run->hook = PLAN_HOOK_IDLE;
}

static void
look_at_asks(struct plan_run *run, int64_t now_ms)
{
    struct plan_domain domain;

    if (run->asks == NULL)
        run->asks = plan_asks_new(&run->runner->context, run->runner->tls, run->entry);
    plan_run_domain(run, &domain);
    plan_asks_update(run->asks, domain.state, now_ms);
}

/* What the gate waits for begins before it is needed; a plan that rests is still looked
 * at once a day. */
static void
look_at_preflight(struct plan_run *run, struct plan_facts *facts)
{
    struct plan_runner *runner = run->runner;
    const struct plan_record *plan = &run->entry->record;
    enum plan_preflight_mode mode =
        (enum plan_preflight_mode)runner->context.config->preflight;
    int64_t now_ms = runner->self.now_ms;
    int64_t left_ms = INT64_MAX;
    int64_t since;

    if (plan->state == PLAN_RUNNING && plan->stage > 0 && plan->stage < plan->stage_count)
        left_ms =
            plan->since * 1000 + (int64_t)plan->stages[plan->stage - 1].stay_ms - now_ms;
    plan_preflight_ask(
        &run->entry->preflight, mode, facts->local, now_ms, &facts->preflight);
    if (facts->preflight.text[0] != '\0')
        plan_tell_preflight(run);
    if (plan->state != PLAN_DONE)
        preflights_want(runner->preflights, run->entry->domain,
            plan_preflight_due(&run->entry->preflight, mode, left_ms, now_ms / 1000));
    since = preflights_since(runner->preflights, run->entry->domain);
    if (since != 0 && facts->preflight.answer != PLAN_YES)
        plan_text_print(facts->preflight.text, PLAN_TEXT_MAX,
            "being looked at for %" PRId64 " s", now_ms / 1000 - since);
}

static void
decide(struct plan_run *run, const struct plan_facts *facts)
{
    struct plan_domain domain;
    struct plan_view view = {
        .plan = &run->entry->record,
        .domain = &domain,
        .gates = run->gates,
        .slow = &run->slow,
        .fast = &run->fast,
        .freeze = guards_stopped(run->runner->guards, run->entry->domain),
        .hook = run->hook,
        .gateway = run->runner->context.gateway,
        .now = facts->now_ms / 1000,
    };

    plan_run_domain(run, &domain);
    run->gate_count = plan_gates_ask(&run->entry->record, facts, run->gates);
    view.gate_count = run->gate_count;
    plan_step_decide(&view, &run->decision);
    plan_act(run, &view);
}

static void
look(struct plan_runner *runner, struct plan_entry *entry)
{
    struct plan_run *run = plan_run_of(runner, entry);
    struct plan_facts facts;

    if (entry->is_writing)
        return;
    if (entry->is_bad) {
        plan_tell_bad(run, entry->problem);
        plan_act_call_off(run);
        return;
    }
    look_at_judges(run);
    look_at_hook(run);
    look_at_asks(run, runner->self.now_ms);
    plan_waiting_count(run);
    look_at_triggers(run, runner->self.now_ms);
    plan_facts_gather(&runner->context, run, &runner->self, &facts);
    look_at_preflight(run, &facts);
    plan_tell_zone(run, facts.no_zone);
    run->told[0] = '\0';
    decide(run, &facts);
}

/* --- rounds --- */

static void
look_at_self(struct plan_runner *runner)
{
    runner->owner.self(runner->owner.argument, &runner->self);
    plan_clock_look(&runner->clock, &runner->self);
}

static void
was_read(void *argument)
{
    struct plan_runner *runner = argument;

    look_at_self(runner);
    guards_look(runner->guards, runner->self.now_ms / 1000);
    gateway_watch_look(runner->gateways, runner->self.now_ms);
    for (size_t i = 0; i < plan_store_count(runner->context.store); i++)
        look(runner, plan_store_at(runner->context.store, i));
}

static void
write_judges(struct plan_runner *runner)
{
    int64_t now = (int64_t)clock_now_ms();
    char text[PLAN_JUDGES_MAX];

    for (size_t i = 0; i < plan_store_count(runner->context.store); i++) {
        struct plan_entry *entry = plan_store_at(runner->context.store, i);
        struct plan_run *run = entry->owner;

        if (run == NULL || !run->judges.is_changed || run->judges.since == 0 ||
            now < run->judged_ms + JUDGED_MS)
            continue;
        plan_entry_judges_write(run->judges.since, &run->judges.failures.judge,
            &run->judges.slow.judge, text);
        plan_store_judges(runner->context.store, entry->domain, text);
        run->judges.is_changed = false;
        run->judged_ms = now;
    }
}

static void
on_tick(evutil_socket_t fd, short what, void *argument)
{
    struct plan_runner *runner = argument;
    const struct replica *replica = runner->owner.replica(runner->owner.argument);

    (void)fd;
    (void)what;
    runner->is_odd = !runner->is_odd;
    if (runner->is_odd && runner->context.config->slot_ms >= LONG_SLOT_MS)
        return;
    if (replica_is_loaded(replica))
        plan_store_tick(runner->context.store, replica);
    if (!plan_store_is_up(runner->context.store))
        guards_look(runner->guards, (int64_t)time(NULL));
    edits_tick(runner->edits);
    plan_news_tick(runner->news);
    plan_rto_tick(runner->rto, runner->owner.books(runner->owner.argument));
    if (plan_store_is_up(runner->context.store))
        write_judges(runner);
}

/* An event that somebody wrote. */
static void
heard(void *argument, const struct plan_news_event *event)
{
    struct plan_runner *runner = argument;
    const struct plan_entry *entry;
    const struct plan_run *run;

    if (strcmp(event->what, "rollback") != 0 ||
        event->time < runner->self.now_ms / 1000 - PLAN_RTO_SECONDS)
        return;
    entry = plan_store_find(runner->context.store, span_of(event->domain));
    run = entry != NULL ? entry->owner : NULL;
    plan_rto_begin(
        runner->rto, event->domain, event->time, run != NULL ? run->bad_since_ms : 0);
}

void
plan_runner_change(struct plan_runner *runner, const struct replica_change *change)
{
    edits_change(runner->edits, runner->owner.replica(runner->owner.argument), change);
}

void
plan_runner_missed(
    struct plan_runner *runner, const struct replica_change *change, int64_t since_ms)
{
    edits_missed(runner->edits, change, since_ms);
}

/* --- attempts --- */

void
plan_runner_attempt(struct plan_runner *runner, const struct books_attempt *attempt)
{
    const struct route_rules *rules = &runner->context.config->served.route_rules;
    struct route route;

    plan_hearing_note(&runner->hearing, attempt);
    if (!books_attempt_is_refusal(attempt))
        return;
    route_decide(rules, runner->owner.replica(runner->owner.argument), attempt->recipient,
        runner->self.now_ms / 1000, &route);
    /* What was turned meanwhile is on its way already. */
    if (route.place == ROUTE_NEW && route.unit.length > 0)
        refusals_note(&runner->refusals, attempt, route.unit);
}

void
plan_runner_undone(struct plan_runner *runner)
{
    runner->hearing.count = 0;
    refusals_forget(&runner->refusals);
}

static void
take_refusal(void *argument, const struct refusal *refusal)
{
    struct plan_runner *runner = argument;

    guards_refused(runner->guards, refusal);
}

void
plan_runner_saved(struct plan_runner *runner)
{
    const struct plan_hearing *hearing = &runner->hearing;
    struct plan_entry *entry = NULL;

    for (size_t i = 0; i < hearing->count; i++) {
        const struct plan_heard *heard_one = &hearing->rows[i];
        struct plan_run *run;

        if (entry == NULL || strcmp(entry->domain, heard_one->domain) != 0)
            entry = plan_store_find(runner->context.store, span_of(heard_one->domain));
        run = entry != NULL ? entry->owner : NULL;
        if (run != NULL)
            plan_judges_hear(&run->judges, heard_one, entry->record.max_delay_ms);
    }
    runner->hearing.count = 0;
    refusals_hand_over(&runner->refusals, runner->self.now_ms, take_refusal, runner);
}

/* --- life --- */

static struct plan_store *
new_store(struct plan_runner *runner)
{
    const struct cutover_config *config = runner->context.config;
    const struct plan_store_options options = {
        .redis = &config->served.redis.options,
        .prefix = config->served.redis.prefix,
        .gateway = runner->context.gateway,
        .slot_ms = (int64_t)config->slot_ms,
        .read = was_read,
        .gone = entry_gone,
        .argument = runner,
    };

    return plan_store_new(runner->context.base, &options);
}

struct plan_runner *
plan_runner_new(struct event_base *base, const struct cutover_config *config,
    const char *gateway, struct metrics *metrics, const struct plan_owner *owner)
{
    const struct timeval each = clock_timeval(TICK_MS);
    struct plan_runner *runner = allocate(sizeof(*runner));
    struct error error;

    (void)span_copy(span_of(gateway), runner->gateway, sizeof(runner->gateway));
    runner->context = (struct plan_context){base, config, runner->gateway, metrics, NULL};
    runner->owner = *owner;
    runner->tls = smtp_tls_new(&error);
    if (runner->tls == NULL)
        log_say(LOG_LEVEL_WARNING, "backends are asked without TLS: %s", error.text);
    runner->context.store = new_store(runner);
    runner->edits = edits_new(&runner->context);
    runner->gateways = gateway_watch_new(&runner->context);
    runner->guards = guards_new(&runner->context, runner->tls, &runner->owner);
    runner->hooks = plan_hooks_new(&runner->context);
    runner->preflights = preflights_new(&runner->context);
    runner->news = plan_news_new(&runner->context, runner->hooks, heard, runner);
    runner->rto = plan_rto_new(&runner->context);
    runner->tick = allocated(event_new(base, -1, EV_PERSIST, on_tick, runner));
    (void)event_add(runner->tick, &each);
    return runner;
}

void
plan_runner_free(struct plan_runner *runner)
{
    if (runner == NULL)
        return;
    event_free(runner->tick);
    plan_hooks_free(runner->hooks);
    runner->hooks = NULL;
    plan_store_free(runner->context.store); /* what is in flight still finds us */
    preflights_free(runner->preflights);
    edits_free(runner->edits);
    gateway_watch_free(runner->gateways);
    guards_free(runner->guards);
    plan_news_free(runner->news);
    plan_rto_free(runner->rto);
    plan_hearing_clear(&runner->hearing);
    refusals_clear(&runner->refusals);
    smtp_tls_free(runner->tls);
    free(runner);
}

/* Where Redis, the slot or our name are others, all is read anew, and what is prepared is
 * found again there; else a hook that runs goes on. */
void
plan_runner_set_config(
    struct plan_runner *runner, const struct cutover_config *config, const char *gateway)
{
    const struct cutover_config *old = runner->context.config;
    bool is_same = serve_config_same_redis(&old->served, &config->served) &&
                   old->slot_ms == config->slot_ms &&
                   strcmp(runner->gateway, gateway) == 0;

    runner->context.config = config;
    if (is_same)
        return;
    (void)span_copy(span_of(gateway), runner->gateway, sizeof(runner->gateway));
    plan_store_free(runner->context.store);
    runner->context.store = new_store(runner);
}

size_t
plan_runner_count(const struct plan_runner *runner)
{
    return plan_store_count(runner->context.store);
}

const struct plan_run *
plan_runner_at(const struct plan_runner *runner, size_t i)
{
    return plan_store_at(runner->context.store, i)->owner;
}
