/*
 * serve_metrics - what postshift-policyd counts and measures, as rows; gauges are set
 * when they are asked for.
 */
#ifndef POLICYD_SERVE_SERVE_METRICS_H
#define POLICYD_SERVE_SERVE_METRICS_H

#include "policyd/serve/serve_context.h"

struct metrics *serve_metrics_new(void);

/* The gauges of the replica and of Redis, as they are now; the argument is a const struct
 * serve_context *. */
void serve_metrics_refresh(void *argument);

#endif
