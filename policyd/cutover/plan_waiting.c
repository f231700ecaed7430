#include "policyd/cutover/plan_waiting.h"

#include "policyd/cutover/plan_runner_inside.h"
#include "shared/service/clock.h"

enum { COUNT_MS = 5000 };

static void
count_untried(void *argument, struct span recipient, int64_t begun_ms)
{
    struct plan_run *run = argument;
    const struct plan_runner *runner = run->runner;
    struct route route;
    enum books_backend side;

    route_decide(&runner->context.config->served.route_rules,
        runner->owner.replica(runner->owner.argument), recipient,
        runner->self.now_ms / 1000, &route);
    if (route.place != ROUTE_OLD && route.place != ROUTE_NEW)
        return;
    side = route.place == ROUTE_OLD ? BACKEND_OLD : BACKEND_NEW;
    run->waiting.waiting[BACKEND_OTHER]--;
    run->waiting.waiting[side]++;
    if (run->waiting.oldest_ms[side] == 0 || begun_ms < run->waiting.oldest_ms[side])
        run->waiting.oldest_ms[side] = begun_ms;
}

static bool
read_waiting(struct plan_run *run, struct books *books)
{
    struct span domain = span_of(run->entry->domain);
    struct error error;

    return books != NULL && books_domain_sides(books, domain, &run->waiting, &error) &&
           books_domain_untried(books, domain,
               run->waiting.waiting[BACKEND_OTHER] < PLAN_UNTRIED_MAX
                   ? (size_t)run->waiting.waiting[BACKEND_OTHER]
                   : PLAN_UNTRIED_MAX,
               count_untried, run, &error);
}

void
plan_waiting_count(struct plan_run *run)
{
    const struct plan_owner *owner = &run->runner->owner;
    struct books *books = owner->books(owner->argument);
    uint64_t start = clock_now_ms();
    uint64_t took;

    if (start < run->count_ms)
        return;
    run->knows_waiting = read_waiting(run, books);
    took = clock_now_ms() - start;
    run->count_ms = start + (took * 100 > COUNT_MS ? took * 100 : COUNT_MS);
}
