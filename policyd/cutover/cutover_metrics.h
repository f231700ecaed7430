/*
 * cutover_metrics - what postshift-cutover counts and measures, as rows.
 */
#ifndef POLICYD_CUTOVER_CUTOVER_METRICS_H
#define POLICYD_CUTOVER_CUTOVER_METRICS_H

#include "policyd/books/books_enter.h"
#include "policyd/cutover/follow.h"
#include "shared/service/metrics.h"

struct metrics *cutover_metrics_registry(void);

/* One attempt, each counted for deliveries where it is a recipient's first. */
void cutover_metrics_attempt(
    struct metrics *metrics, const struct books_attempt *attempt);

/* Gauges, as they are now; `told` is how many lines of each kind were counted before. */
void cutover_metrics_follow(struct metrics *metrics, const struct follow_status *status,
    uint64_t told[3], bool redis_up);

#endif
