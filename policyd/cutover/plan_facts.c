#include "policyd/cutover/plan_facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/service/clock.h"
#include "shared/service/zone.h"

enum {
    STEP_MS = 2000,  /* more than clocks are slewed between two looks */
    PAUSE_MS = 5000, /* a look is due each second */
    WOKEN_S = 10,    /* so long the books may need to be read up */
    STEP_KEPT_S = 3600,
};

/* --- the clock --- */

void
plan_clock_look(struct plan_clock *clock, struct plan_self *self)
{
    int64_t steady_ms = (int64_t)clock_now_ms();
    int64_t real_ms = clock_wall_ms();
    int64_t now = real_ms / 1000;
    int64_t passed_ms = steady_ms - clock->steady_ms;

    if (clock->steady_ms != 0) {
        if (llabs(real_ms - clock->real_ms - passed_ms) > STEP_MS)
            clock->step = now;
        if (passed_ms > PAUSE_MS) {
            clock->woken = now + WOKEN_S;
            clock->paused_s = passed_ms / 1000;
        }
    }
    if (clock->step != 0 && llabs(now - clock->step) > STEP_KEPT_S)
        clock->step = 0;
    if (clock->woken != 0 && now >= clock->woken)
        clock->woken = 0;
    clock->real_ms = real_ms;
    clock->steady_ms = steady_ms;
    self->now_ms = real_ms;
    self->clock_step = clock->step;
    self->woken = clock->woken;
    self->paused_s = clock->paused_s;
}

/* --- doubt --- */

/* A gateway that has said nothing for three heartbeats and three slots. */
static void
find_silent(
    const struct plan_context *context, int64_t now_ms, struct plan_sources *sources)
{
    const struct gateway_row *gateways;
    size_t count = plan_store_gateways(context->store, &gateways);

    for (size_t i = 0; i < count; i++) {
        const struct gateway_row *gateway = &gateways[i];

        if (gateway->time == 0 || strcmp(gateway->name, context->gateway) == 0 ||
            !gateway_row_is_silent(gateway, now_ms, context->config->slot_ms))
            continue;
        sources->silent_gateway = gateway->name;
        sources->silent_since = gateway->time;
        sources->silent_waiting = gateway->waiting;
    }
}

static void
find_doubt(const struct plan_context *context, const struct plan_run *run,
    const struct plan_self *self, struct plan_facts *facts)
{
    const struct follow_status *log = &self->log;
    struct plan_sources sources = {
        .redis_up = plan_store_is_up(context->store),
        .redis_down_since = plan_store_read_at(context->store),
        .clock_ahead_s = plan_store_clock_ahead(context->store),
        .log_silent = log->is_silent,
        .log_silent_since = log->last_line_seen,
        .probe_good = facts->probe.answer == PLAN_YES || facts->probe.text[0] == '\0',
        .clock_step = self->clock_step,
    };

    if (!log->is_up_to_date && log->last_line_ms > 0)
        sources.books_behind_ms = self->now_ms - log->last_line_ms;
    find_silent(context, self->now_ms, &sources);
    plan_doubt_find(&sources, (int64_t)context->config->slot_ms, &facts->doubt);
    /* The cause, not what follows from it: then the books are behind, too. */
    if (log->trouble != NULL && log->trouble[0] != '\0') {
        facts->doubt.since = 0;
        (void)snprintf(facts->doubt.text, sizeof(facts->doubt.text), "%s", log->trouble);
    }
    if (facts->doubt.text[0] != '\0')
        return;
    if (self->woken != 0)
        (void)snprintf(facts->doubt.text, sizeof(facts->doubt.text),
            "this controller was stopped for %" PRId64 " s, and reads what it missed",
            self->paused_s);
    else if (log->last_line_ms == 0)
        (void)snprintf(facts->doubt.text, sizeof(facts->doubt.text),
            "no line of Postfix has been read yet");
    else if (run->entry->unread_ms + run->entry->series.slot_ms >
                 run->entry->record.since * 1000 &&
             run->entry->unread_ms != 0)
        (void)snprintf(facts->doubt.text, sizeof(facts->doubt.text),
            "the counts of %s at %" PRId64 " in Redis can't be read",
            run->entry->unread_side == SIDE_OLD ? "old" : "new",
            run->entry->unread_ms / 1000);
    else if (!run->entry->is_whole)
        (void)snprintf(
            facts->doubt.text, sizeof(facts->doubt.text), "counts are being read");
}

/* --- opinions --- */

static void
ask_hook(const struct plan_context *context, const struct plan_run *run, int64_t now_ms,
    struct plan_opinion *opinion)
{
    opinion->text[0] = '\0';
    if (context->config->before_advance[0] == '\0')
        return;
    opinion->answer = PLAN_NOT_KNOWN;
    switch (run->hook) {
    case PLAN_HOOK_RUNNING:
        (void)snprintf(opinion->text, sizeof(opinion->text),
            "before_advance runs for %" PRId64 " s", now_ms / 1000 - run->hook_since);
        break;
    case PLAN_HOOK_GOOD:
        opinion->answer = PLAN_YES;
        (void)snprintf(opinion->text, sizeof(opinion->text), "before_advance is done");
        break;
    case PLAN_HOOK_BAD:
        opinion->answer = PLAN_NO;
        (void)snprintf(opinion->text, sizeof(opinion->text), "before_advance failed");
        break;
    case PLAN_HOOK_NONE:
    case PLAN_HOOK_IDLE:
    default:
        (void)snprintf(opinion->text, sizeof(opinion->text),
            "before_advance runs when every other gate says yes");
    }
}

/* About the stage that an advance leads to. */
static void
ask_rehearsal(const struct plan_context *context, const struct plan_entry *entry,
    int64_t now_ms, struct plan_opinion *opinion)
{
    const struct plan_record *plan = &entry->record;
    const struct plan_stage *next =
        plan->stage < plan->stage_count ? &plan->stages[plan->stage] : NULL;
    struct error error;
    unsigned limit;
    bool is_on;

    opinion->text[0] = '\0';
    if (rehearsal_limit_parse(
            span_of(context->config->rehearsal), &is_on, &limit, &error) &&
        is_on)
        rehearsal_gate_ask(&entry->rehearsal, next, limit, now_ms / 1000, opinion);
}

static void
find_local_time(const char *zone, int64_t now, struct plan_facts *facts)
{
    struct plan_local *local = &facts->local;

    facts->no_zone = !zone_local(zone, now, &local->weekday, &local->minute);
    if (facts->no_zone)
        (void)zone_local("UTC", now, &local->weekday, &local->minute);
}

void
plan_facts_gather(const struct plan_context *context, const struct plan_run *run,
    const struct plan_self *self, struct plan_facts *facts)
{
    const struct plan_entry *entry = run->entry;

    memset(facts, 0, sizeof(*facts));
    find_local_time(entry->record.timezone, self->now_ms / 1000, facts);
    facts->now_ms = self->now_ms;
    facts->series = &entry->series;
    facts->min_samples = context->config->min_samples;
    facts->judge = &entry->judge;
    facts->slow_judge = &entry->slow_judge;
    if (self->alarm != NULL)
        (void)snprintf(
            facts->alarm, sizeof(facts->alarm), "%.*s", PLAN_TEXT_MAX - 1, self->alarm);
    plan_asks_probe(run->asks, self->now_ms, &facts->probe);
    ask_hook(context, run, self->now_ms, &facts->hook);
    ask_rehearsal(context, entry, self->now_ms, &facts->rehearsal);
    find_doubt(context, run, self, facts);
}
