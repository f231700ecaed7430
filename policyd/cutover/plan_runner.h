/*
 * plan_runner - the acting half of the plan: once a second every plan is read, its gates
 * are asked, it is decided what to do, and that is done.
 *
 * A transition is one compare-and-set, so of any number of controllers one makes it; what
 * follows from it (hooks, notices: plan_news.h; the drain: drain.h) is done by whoever
 * sees it.  A stop ends a running before_advance within a second.  Missing figures, a
 * bad hash, Redis away: nothing moves, and one line says so.
 */
#ifndef POLICYD_CUTOVER_PLAN_RUNNER_H
#define POLICYD_CUTOVER_PLAN_RUNNER_H

#include "policyd/cutover/plan_facts.h"
#include "policyd/cutover/plan_news.h"
#include "policyd/replica/replica_orders.h"

struct plan_runner;

struct plan_runner *plan_runner_new(struct event_base *base,
    const struct cutover_config *config, const char *gateway, struct metrics *metrics,
    const struct plan_owner *owner);
void plan_runner_free(struct plan_runner *runner);

/* After a new configuration. */
void plan_runner_set_config(
    struct plan_runner *runner, const struct cutover_config *config, const char *gateway);

/* Each change that the replica tells. */
void plan_runner_change(struct plan_runner *runner, const struct replica_change *change);

/* What it did not tell, as we were away: a pin or unit is another one than at that time
 * (unix milliseconds). */
void plan_runner_missed(
    struct plan_runner *runner, const struct replica_change *change, int64_t since_ms);

/* Attempts, in the three steps of a commit. */
void plan_runner_attempt(struct plan_runner *runner, const struct books_attempt *attempt);
void plan_runner_saved(struct plan_runner *runner);
void plan_runner_undone(struct plan_runner *runner);

/* For who shows it. */
size_t plan_runner_count(const struct plan_runner *runner);
const struct plan_run *plan_runner_at(const struct plan_runner *runner, size_t i);

/* `plans`: an array of what plan_page_write writes; and what gateway_watch_write does. */
void plan_runner_write(struct plan_runner *runner, struct json *json);

/* `guard`: whom the misprovision guard has on old, of a domain with a plan or without;
 * null: not known, or it had nothing to ask. */
void plan_runner_write_guard(
    const struct plan_runner *runner, struct span domain, struct json *json);

/* Gauges, as they are now. */
void plan_runner_measure(struct plan_runner *runner);

#endif
