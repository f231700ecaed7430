/*
 * rehearse_metrics - what postshift-rehearsal counts and measures, as rows.
 */
#ifndef POLICYD_REHEARSE_REHEARSE_METRICS_H
#define POLICYD_REHEARSE_REHEARSE_METRICS_H

#include "policyd/rehearsal/rehearsal_course.h"
#include "shared/service/metrics.h"

struct metrics *rehearse_metrics_registry(void);

/* A question was answered. */
void rehearse_metrics_question(
    struct metrics *metrics, const struct rehearsal_reply *reply);

/* How many move with the next stage of a domain, and when the books could last be read,
 * in unix time. */
void rehearse_metrics_movers(
    struct metrics *metrics, const char *domain, uint64_t movers);
void rehearse_metrics_forget(struct metrics *metrics, const char *domain);
void rehearse_metrics_looked(struct metrics *metrics, int64_t looked);

enum rehearse_redis { REHEARSE_REDIS_DOWN, REHEARSE_REDIS_UP, REHEARSE_REDIS_UNUSED };
void rehearse_metrics_redis(struct metrics *metrics, enum rehearse_redis redis);

#endif
