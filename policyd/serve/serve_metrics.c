#include "policyd/serve/serve_metrics.h"

/* Seconds: an answer out of memory takes microseconds, and none should take 50 ms. */
static const double request_bounds[] = {0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005,
    0.001, 0.005, 0.01, 0.05, 0.1, 1, 0};

static const struct metrics_family families[] = {
    {"redis_up",                                 "Whether the connection that follows Redis is up.",     METRICS_GAUGE,
     {NULL},                                                                                                                            NULL          },
    {"redis_reconnects_total",                   "Connections to Redis after the first.",                METRICS_COUNTER,
     {NULL},                                                                                                                            NULL          },
    {"redis_errors_total",                       "Why connections to Redis failed or were lost.",
     METRICS_COUNTER,                                                                                                     {"reason"},   NULL          },
    {"policyd_requests_total",                   "Requests by what was answered.",                       METRICS_COUNTER,
     {"listener", "answer"},                                                                                                            NULL          },
    {"policyd_request_duration_seconds",         "From a request read to its answer made.",
     METRICS_HISTOGRAM,                                                                                                   {"listener"}, request_bounds},
    {"policyd_clients",                          "Connections that are open.",                           METRICS_GAUGE,   {"listener"}, NULL          },
    {"policyd_clients_closed_total",             "Connections by why they ended.",                       METRICS_COUNTER,
     {"listener", "reason"},                                                                                                            NULL          },
    {"policyd_replica_domains",                  "Domains held in memory.",                              METRICS_GAUGE,   {NULL},       NULL          },
    {"policyd_replica_pins",                     "Pins held in memory.",                                 METRICS_GAUGE,   {NULL},       NULL          },
    {"policyd_replica_units",                    "Recipients with a unit of their own held in memory.",
     METRICS_GAUGE,                                                                                                       {NULL},       NULL          },
    {"policyd_replica_invalid",                  "Domains and pins whose value in Redis is not usable.",
     METRICS_GAUGE,                                                                                                       {NULL},       NULL          },
    {"policyd_replica_suspect",
     "Domains for which Redis no longer says what is answered.",                                         METRICS_GAUGE,   {NULL},
     NULL                                                                                                                                             },
    {"policyd_replica_synced_timestamp_seconds",
     "When the replica last agreed with Redis, in unix time; 0: never.",                                 METRICS_GAUGE,
     {NULL},                                                                                                                            NULL          },
    {"policyd_replica_changes_total",            "Changes taken, by where they came from.",
     METRICS_COUNTER,                                                                                                     {"source"},   NULL          },
    {"policyd_snapshot_writes_total",            "Snapshot files written.",                              METRICS_COUNTER,
     {"result"},                                                                                                                        NULL          },
    {"domain_weight_ratio",                      "The share of units on new that is in force.",          METRICS_GAUGE,
     {"domain"},                                                                                                                        NULL          },
};

struct metrics *
serve_metrics_new(void)
{
    return metrics_new("postshift-policyd", families, ARRAY_LENGTH(families));
}

static void
set(struct metrics *metrics, const char *name, double value)
{
    metrics_set(metrics_series(metrics, name, NULL), value);
}

void
serve_metrics_refresh(void *argument)
{
    const struct serve_context *context = argument;
    const struct replica *replica = context->replica;

    set(context->metrics, "policyd_replica_domains",
        (double)replica_domain_count(replica));
    set(context->metrics, "policyd_replica_pins", (double)replica_pin_count(replica));
    set(context->metrics, "policyd_replica_units", (double)replica_unit_count(replica));
}
