#include "policyd/cutover/plan_run.h"

#include "policyd/cutover/plan_runner_inside.h"
#include "shared/base/allocate.h"
#include "shared/base/attributes.h"

/* They begin at 0, so that the first one is seen. */
static void
start_counters(const struct plan_run *run)
{
    static const char *const kinds[] = {
        "advance", "done", "edited", "pause", "freeze", "rollback"};

    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        const char *const labels[] = {run->entry->domain, kinds[i]};

        metrics_add(metrics_series(run->runner->context.metrics,
                        "cutover_transitions_total", labels),
            0);
    }
}

struct plan_run *
plan_run_of(struct plan_runner *runner, struct plan_entry *entry)
{
    struct plan_run *run = entry->owner;

    if (run == NULL) {
        run = allocate(sizeof(*run));
        run->runner = runner;
        run->entry = entry;
        run->hook = PLAN_HOOK_IDLE;
        entry->owner = run;
        start_counters(run);
    }
    return run;
}

void
plan_run_domain(const struct plan_run *run, struct plan_domain *domain)
{
    const struct plan_runner *runner = run->runner;
    const struct replica *replica = runner->owner.replica(runner->owner.argument);
    const struct plan_entry *entry = run->entry;
    struct domain_problem problem;
    struct domain_state *state;
    struct replica_domain found;

    *domain = (struct plan_domain){.name = span_of(entry->domain)};
    if (!replica_find_domain(replica, domain->name, &found) || !found.ours)
        return;
    state = domain_state_parse(domain->name, entry->state.fields, entry->state.count,
        &runner->context.config->served.state_rules, &problem, NULL, NULL);
    domain->state = found.state;
    domain->is_overridden = found.override.has_weight || found.override.has_mode ||
                            found.override.unclear || replica_is_unclear(replica);
    domain->is_suspect = found.suspect || state == NULL || found.state == NULL ||
                         !domain_state_equal(state, found.state);
    domain_state_free(state);
}
