/*
 * cutover_metrics - what postshift-cutover counts and measures, as rows.
 */
#ifndef POLICYD_CUTOVER_CUTOVER_METRICS_H
#define POLICYD_CUTOVER_CUTOVER_METRICS_H

#include "policyd/books/books_enter.h"
#include "policyd/cutover/deliveries.h"
#include "policyd/cutover/figures.h"
#include "policyd/cutover/queue_watch.h"
#include "policyd/follow/follow.h"
#include "policyd/redis/redis.h"
#include "policyd/replica/replica.h"
#include "shared/service/metrics.h"

struct metrics *cutover_metrics_registry(void);

/* Attempts that wait for their commit. */
struct cutover_tally {
    struct cutover_tally_row *rows;
    size_t count;
    size_t room;
};

void cutover_tally_attempt(
    struct cutover_tally *tally, const struct books_attempt *attempt);
void cutover_tally_clear(struct cutover_tally *tally);

/* They are committed: each is counted for deliveries where it was a recipient's first. */
void cutover_metrics_take(
    struct metrics *metrics, struct cutover_tally *tally, struct deliveries *deliveries);

/* By how many seconds the books are behind the log; 0 when all of it is read. */
double cutover_metrics_lag(const struct follow_status *status);

/* Gauges, as they are now; `told` is how many lines of each kind were counted before. */
void cutover_metrics_follow(
    struct metrics *metrics, const struct follow_status *status, uint64_t told[3]);

/* The connection over which counts go. */
void cutover_metrics_redis(struct metrics *metrics, const struct redis *redis);

/* Of heartbeat_digest, as a number that a monitoring system compares; NULL: not known. */
void cutover_metrics_digest(struct metrics *metrics, const char *digest);

/* What is counted by domain begins at 0, so that the first of each kind is seen, where
 * all domains have a place. */
void cutover_metrics_domains(struct metrics *metrics, const struct replica *replica);

/* NaN while it is not known. */
void cutover_metrics_events(struct metrics *metrics, uint64_t faults);
void cutover_metrics_health(struct metrics *metrics, bool is_up);
void cutover_metrics_queue(
    struct metrics *metrics, const struct queue_watch_status *status);

/* Domains and reasons that have a series: it is 0 when nothing waits any more. */
struct waiting_shown {
    struct waiting_row *rows;
    size_t count;
    size_t room;
};

/* NaN while they are not known. */
void cutover_metrics_figures(struct metrics *metrics, const struct figures_status *status,
    struct waiting_shown *shown);

#endif
