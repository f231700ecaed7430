/* What is decided is done: a part of plan_runner. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/cutover/plan_runner_inside.h"
#include "shared/base/allocate.h"
#include "shared/service/log.h"

/* --- before_advance --- */

static void
hook_ended(void *argument, const char *domain, const struct hook_result *result)
{
    struct plan_runner *runner = argument;
    struct plan_entry *entry = plan_store_find(runner->context.store, span_of(domain));
    struct plan_run *run = entry != NULL ? entry->owner : NULL;

    if (run == NULL || run->hook != PLAN_HOOK_RUNNING)
        return;
    run->hook = result->was_stopped ? PLAN_HOOK_IDLE
                : result->is_good   ? PLAN_HOOK_GOOD
                                    : PLAN_HOOK_BAD;
}

static void
movers_found(void *argument, struct span lines, const char *problem)
{
    struct plan_run *run = argument;
    const struct plan_record *plan = &run->entry->record;
    char stage[48];

    run->movers = NULL;
    if (problem != NULL)
        log_say(LOG_LEVEL_WARNING, "before_advance of %s: who moves is not known: %s",
            run->entry->domain, problem);
    (void)snprintf(stage, sizeof(stage), "%zu/%zu", run->hook_stage, plan->stage_count);
    if (problem != NULL ||
        !plan_hooks_run(run->runner->hooks, &(struct plan_hook_order){
                                                .kind = HOOK_BEFORE_ADVANCE,
                                                .domain = run->entry->domain,
                                                .stage = stage,
                                                .from = run->hook_from,
                                                .to = run->hook_to,
                                                .input = lines,
                                                .is_begun = true,
                                                .ended = hook_ended,
                                                .argument = run->runner,
                                            }))
        run->hook = PLAN_HOOK_BAD;
}

static const struct route_rules *
rules_of(void *argument)
{
    const struct plan_run *run = argument;

    return &run->runner->context.config->served.route_rules;
}

static const struct replica *
replica_of(void *argument)
{
    const struct plan_run *run = argument;

    return run->runner->owner.replica(run->runner->owner.argument);
}

static struct books *
books_of(void *argument)
{
    const struct plan_run *run = argument;

    return run->runner->owner.books(run->runner->owner.argument);
}

/* The step is ours: who moves is found, then the hook runs. */
static void
start_hook(struct plan_run *run, size_t stage)
{
    const struct plan_record *plan = &run->entry->record;
    const struct movers_options options = {
        .domain = run->entry->domain,
        .stage = &plan->stages[stage - 1],
        .rules = rules_of,
        .replica = replica_of,
        .books = books_of,
        .done = movers_found,
        .argument = run,
    };
    struct plan_domain domain;

    plan_run_domain(run, &domain);
    run->hook_from[0] = '\0';
    if (domain.state != NULL)
        domain_weight_write(domain.state->weight, run->hook_from);
    plan_stage_name(&plan->stages[stage - 1], run->hook_to);
    if (plan->stages[stage - 1].list[0] == '\0')
        domain_weight_write(plan->stages[stage - 1].weight, run->hook_to);
    run->hook = PLAN_HOOK_RUNNING;
    run->hook_stage = stage;
    run->hook_since = run->runner->self.now_ms / 1000;
    run->movers = movers_start(run->runner->context.base, &options);
}

void
plan_act_call_off(struct plan_run *run)
{
    if (run->hook != PLAN_HOOK_RUNNING)
        return;
    if (run->movers != NULL) {
        movers_free(run->movers);
        run->movers = NULL;
        run->hook = PLAN_HOOK_IDLE;
    } else if (run->runner->hooks != NULL) {
        plan_hooks_stop(run->runner->hooks, run->entry->domain, HOOK_BEFORE_ADVANCE);
    }
}

/* --- writing --- */

static void
was_written(void *argument, enum plan_store_result result)
{
    struct plan_run *run = argument;
    const struct plan_decision *decision = &run->writing;

    if (result == PLAN_STORE_LOST)
        log_say(LOG_LEVEL_WARNING,
            "%s of %s: Redis was lost before its answer; it is read anew",
            run->write->what, run->entry->domain);
    else if (result == PLAN_STORE_LATE)
        log_say(LOG_LEVEL_WARNING,
            "%s of %s: not done, for what it was decided on is more than %d s old; it is "
            "read anew",
            run->write->what, run->entry->domain, PLAN_COMMIT_SECONDS);
    if (result != PLAN_STORE_DONE)
        return;
    if (decision->move == PLAN_PREPARE && run->runner->hooks != NULL)
        start_hook(run, decision->stage);
    else
        plan_tell_done(run, decision, run->write);
}

static void
write_decision(struct plan_run *run, const struct plan_view *view)
{
    if (run->write == NULL)
        run->write = allocate(sizeof(*run->write));
    run->writing = run->decision;
    plan_write_step(view, &run->decision, run->write);
    (void)plan_store_commit(
        run->runner->context.store, run->entry, run->write, view->now, was_written, run);
}

void
plan_act(struct plan_run *run, const struct plan_view *view)
{
    switch (run->decision.move) {
    case PLAN_STAND:
        return;
    case PLAN_CALL_OFF:
        plan_act_call_off(run);
        return;
    case PLAN_PAUSE:
    case PLAN_FREEZE:
    case PLAN_ROLL_BACK:
    case PLAN_LET_GO:
        plan_act_call_off(run);
        break;
    case PLAN_PREPARE:
        /* One that was called off has still to end. */
        if (plan_hooks_has(run->runner->hooks, run->entry->domain, HOOK_BEFORE_ADVANCE))
            return;
        break;
    case PLAN_ADVANCE:
    case PLAN_FINISH:
    case PLAN_NOTE:
        break;
    }
    write_decision(run, view);
}
