/*
 * plan_asks - the probes of both backends of a domain that has a plan.
 *
 * Which certificate is expected stands in `probe:<domain>` (`old`, `new`: the first one
 * that was seen, then what `postshiftctl probe accept` says; `old_seen`, `new_seen`: the
 * last one).
 */
#ifndef POLICYD_CUTOVER_PLAN_ASKS_H
#define POLICYD_CUTOVER_PLAN_ASKS_H

#include "policyd/cutover/plan_context.h"
#include "policyd/cutover/probe.h"
#include "policyd/plan/plan_gates.h"

struct plan_asks;

struct plan_asks *plan_asks_new(
    const struct plan_context *context, struct smtp_tls *tls, struct plan_entry *entry);
void plan_asks_free(struct plan_asks *asks);

/* At each look: routes as they are now (NULL: no good state), and what probes
 * have seen into the series. */
void plan_asks_update(
    struct plan_asks *asks, const struct domain_state *state, int64_t now_ms);

void plan_asks_probe(
    const struct plan_asks *asks, int64_t now_ms, struct plan_opinion *opinion);

void plan_asks_measure(const struct plan_asks *asks, struct metrics *metrics);

#endif
