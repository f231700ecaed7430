/*
 * What a plan's page says in words.
 */
#include "policyd/plan/plan_page.h"

#include <stdio.h>

#include "policyd/plan/plan_text.h"

/* --- in words --- */

static void
say_share(const struct plan_page *page, char out[80])
{
    const struct plan_record *plan = page->plan;

    if (plan->stage == 0 || plan->stage > plan->stage_count) {
        (void)snprintf(out, 80, "no stage is set yet");
        return;
    }
    plan_stage_name(&plan->stages[plan->stage - 1], out);
}

void
plan_page_sentence(const struct plan_page *page, char out[PLAN_SENTENCE_MAX])
{
    const struct plan_record *plan = page->plan;
    char stage[80];
    char age[PLAN_TIME_MAX];

    if (plan == NULL) {
        (void)snprintf(out, PLAN_SENTENCE_MAX, "the plan is bad and moves nothing: %s",
            page->problem);
        return;
    }
    if (plan->state == PLAN_NONE) {
        (void)snprintf(out, PLAN_SENTENCE_MAX, "there is no plan");
        return;
    }
    say_share(page, stage);
    plan_text_age(1000 * (page->now - plan->since), age);
    if (plan->stage == 0)
        (void)snprintf(
            out, PLAN_SENTENCE_MAX, "%s, %s", plan_state_name(plan->state), stage);
    else if (plan->since == 0)
        (void)snprintf(out, PLAN_SENTENCE_MAX, "%s in stage %zu of %zu, %s",
            plan_state_name(plan->state), plan->stage, plan->stage_count, stage);
    else
        (void)snprintf(out, PLAN_SENTENCE_MAX, "%s in stage %zu of %zu, %s, for %s%s",
            plan_state_name(plan->state), plan->stage, plan->stage_count, stage, age,
            plan->edited ? "; the weight was raised by hand since" : "");
}

static void
say_closed(const struct plan_page *page, const char *next, char out[PLAN_SENTENCE_MAX])
{
    const struct plan_gate *first = NULL;
    size_t closed = 0;

    for (size_t i = 0; i < page->gate_count; i++) {
        if (page->gates[i].answer == PLAN_YES ||
            plan_record_is_past(page->plan, plan_gate_name(page->gates[i].kind)))
            continue;
        if (closed++ == 0)
            first = &page->gates[i];
    }
    if (first == NULL && page->gate_count == 0)
        (void)snprintf(
            out, PLAN_SENTENCE_MAX, "the gates before %s, which nobody asked", next);
    else if (first == NULL)
        (void)snprintf(out, PLAN_SENTENCE_MAX, "nothing more; %s is next", next);
    else if (closed == 1)
        (void)snprintf(out, PLAN_SENTENCE_MAX, "%s (%s); %s is next",
            plan_gate_name(first->kind), first->text, next);
    else
        (void)snprintf(out, PLAN_SENTENCE_MAX, "%s (%s) and %zu more gate%s; %s is next",
            plan_gate_name(first->kind), first->text, closed - 1, closed == 2 ? "" : "s",
            next);
}

/* While it may advance by itself. */
static void
say_running(const struct plan_page *page, char out[PLAN_SENTENCE_MAX])
{
    const struct plan_record *plan = page->plan;
    char next[80] = "the end";
    char age[PLAN_TIME_MAX];

    if (page->next > 0 && page->next <= plan->stage_count)
        plan_stage_name(&plan->stages[page->next - 1], next);
    if (plan->step == 0) {
        say_closed(page, next, out);
        return;
    }
    plan_text_age(1000 * (page->now - plan->step_since), age);
    (void)snprintf(out, PLAN_SENTENCE_MAX,
        "the hook before_advance, which %s began %s ago; %s is next", plan->step_by, age,
        next);
}

void
plan_page_waits_for(const struct plan_page *page, char out[PLAN_SENTENCE_MAX])
{
    const struct plan_record *plan = page->plan;

    out[0] = '\0';
    if (plan == NULL) {
        (void)snprintf(out, PLAN_SENTENCE_MAX, "a person who mends it");
        return;
    }
    switch (plan->state) {
    case PLAN_WAITING:
    case PLAN_RUNNING:
        say_running(page, out);
        break;
    case PLAN_PAUSED:
        (void)snprintf(out, PLAN_SENTENCE_MAX, "a person who says resume");
        break;
    case PLAN_ROLLED_BACK:
    case PLAN_ABORTED:
        (void)snprintf(out, PLAN_SENTENCE_MAX, "a person who says start");
        break;
    case PLAN_DONE:
        (void)snprintf(out, PLAN_SENTENCE_MAX, "finish, once 100 %% has held for 7 days");
        break;
    case PLAN_NONE:
    case PLAN_STATES:
        break;
    }
}

/* What a person would type now. */
void
plan_page_command(const struct plan_page *page, char out[PLAN_SENTENCE_MAX])
{
    int domain = (int)page->domain.length;
    const char *name = page->domain.data;

    out[0] = '\0';
    switch (page->plan == NULL ? PLAN_NONE : page->plan->state) {
    case PLAN_WAITING:
    case PLAN_RUNNING:
        break; /* it goes on by itself; gates are not passed by copying a line */
    case PLAN_PAUSED:
        (void)snprintf(
            out, PLAN_SENTENCE_MAX, "postshiftctl plan resume %.*s", domain, name);
        break;
    case PLAN_ROLLED_BACK:
        (void)snprintf(out, PLAN_SENTENCE_MAX, "postshiftctl ledger %.*s", domain, name);
        break;
    case PLAN_DONE:
        (void)snprintf(out, PLAN_SENTENCE_MAX, "postshiftctl finish %.*s", domain, name);
        break;
    case PLAN_ABORTED:
        (void)snprintf(
            out, PLAN_SENTENCE_MAX, "postshiftctl plan start %.*s", domain, name);
        break;
    case PLAN_NONE:
    case PLAN_STATES:
        break;
    }
}
