/*
 * serve_metrics - what postshift-policyd counts and measures, as rows; gauges are set
 * when they are asked for.
 */
#ifndef POLICYD_SERVE_SERVE_METRICS_H
#define POLICYD_SERVE_SERVE_METRICS_H

#include "policyd/serve/serve_context.h"
#include "shared/service/server.h"

/* All families; what counts may be made with it. */
struct metrics *serve_metrics_registry(void);

/* Those of the clients of one listener. */
struct server_counts serve_metrics_clients(struct metrics *metrics, const char *listener);

struct serve_metrics;

/* From now on the registry of the context shows replica, Redis and weights as they are.
 */
struct serve_metrics *serve_metrics_new(const struct serve_context *context);
void serve_metrics_free(struct serve_metrics *own);

#endif
