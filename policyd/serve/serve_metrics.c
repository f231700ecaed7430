#include "policyd/serve/serve_metrics.h"

#include "shared/base/allocate.h"

#include <stdlib.h>
#include <string.h>

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
     "Domains for which Redis no longer says what is answered; 1 for pins or lists "
        "alone.",                                                                                        METRICS_GAUGE,   {NULL},       NULL          },
    {"policyd_replica_synced_timestamp_seconds",
     "When the replica last agreed with Redis, in unix time; 0: never.",                                 METRICS_GAUGE,
     {NULL},                                                                                                                            NULL          },
    {"policyd_replica_changes_total",            "Changes taken, by where they came from.",
     METRICS_COUNTER,                                                                                                     {"source"},   NULL          },
    {"policyd_replica_loads_total",
     "Times everything was read from Redis, by what came of it.",                                        METRICS_COUNTER,
     {"result"},                                                                                                                        NULL          },
    {"policyd_snapshot_writes_total",            "Snapshot files written.",                              METRICS_COUNTER,
     {"result"},                                                                                                                        NULL          },
    {"domain_weight_ratio",                      "The share of units on new that is in force.",          METRICS_GAUGE,
     {"domain"},                                                                                                                        NULL          },
};

enum { WEIGHT_DOMAINS_MAX = 200 };

struct serve_metrics {
    const struct serve_context *context;
    char domains[WEIGHT_DOMAINS_MAX + 1][DOMAIN_MAX + 1]; /* those with a weight series */
    size_t domain_count;
};

struct metrics *
serve_metrics_registry(void)
{
    struct metrics *metrics =
        metrics_new("postshift-policyd", families, ARRAY_LENGTH(families));

    for (int trouble = 0; trouble < REDIS_TROUBLE_COUNT; trouble++) {
        const char *labels[] = {redis_trouble_name((enum redis_trouble)trouble)};

        (void)metrics_series(metrics, "redis_errors_total", labels);
    }
    for (int source = 0; source < REPLICA_SOURCES; source++) {
        const char *labels[] = {replica_source_name((enum replica_source)source)};

        (void)metrics_series(metrics, "policyd_replica_changes_total", labels);
    }
    return metrics;
}

struct server_counts
serve_metrics_clients(struct metrics *metrics, const char *listener)
{
    struct server_counts counts = {
        .clients = metrics_series(metrics, "policyd_clients", &listener),
        .duration =
            metrics_series(metrics, "policyd_request_duration_seconds", &listener),
    };

    for (int end = 0; end < SERVER_ENDS; end++) {
        const char *labels[] = {listener, server_end_name((enum server_end)end)};

        counts.closed[end] =
            metrics_series(metrics, "policyd_clients_closed_total", labels);
    }
    return counts;
}

static void
set(struct metrics *metrics, const char *name, const char *label, double value)
{
    const char *labels[] = {label};

    metrics_set(metrics_series(metrics, name, label == NULL ? NULL : labels), value);
}

static void
set_redis(struct metrics *metrics, const struct replica_status *status)
{
    set(metrics, "redis_up", NULL, status->redis_up);
    set(metrics, "redis_reconnects_total", NULL, (double)status->redis_reconnects);
    for (int trouble = 0; trouble < REDIS_TROUBLE_COUNT; trouble++)
        set(metrics, "redis_errors_total",
            redis_trouble_name((enum redis_trouble)trouble),
            (double)status->redis_troubles[trouble]);
}

static void
set_replica(struct metrics *metrics, const struct replica *replica,
    const struct replica_status *status)
{
    set(metrics, "policyd_replica_domains", NULL, (double)replica_domain_count(replica));
    set(metrics, "policyd_replica_pins", NULL,
        (double)replica_count(replica, REPLICA_PIN));
    set(metrics, "policyd_replica_units", NULL,
        (double)replica_count(replica, REPLICA_UNIT));
    set(metrics, "policyd_replica_invalid", NULL, (double)status->invalid);
    set(metrics, "policyd_replica_suspect", NULL, (double)status->suspect);
    set(metrics, "policyd_replica_synced_timestamp_seconds", NULL,
        (double)status->synced);
    set(metrics, "policyd_replica_loads_total", "taken", (double)status->loads);
    set(metrics, "policyd_replica_loads_total", "refused", (double)status->refused);
    set(metrics, "policyd_snapshot_writes_total", "done",
        (double)status->snapshot_writes);
    set(metrics, "policyd_snapshot_writes_total", "failed",
        (double)status->snapshot_failures);
}

/* In force: same_as followed once, the override file counted, all on one side by mode. */
static bool
find_ratio(const struct replica *replica, struct span name, double *ratio)
{
    struct replica_domain found;
    struct replica_domain target;
    enum domain_mode mode;

    if (!replica_find_domain(replica, name, &found) || found.state == NULL)
        return false;
    target = found;
    if (found.state->same_as[0] != '\0' &&
        (!replica_find_domain(replica, span_of(found.state->same_as), &target) ||
            target.state == NULL))
        return false;
    mode = found.override.has_mode    ? found.override.mode
           : target.override.has_mode ? target.override.mode
                                      : target.state->mode;
    *ratio = (found.override.has_weight       ? found.override.weight
                 : target.override.has_weight ? target.override.weight
                                              : target.state->weight) /
             10000.0;
    if (mode != DOMAIN_MODE_SPLIT)
        *ratio = mode == DOMAIN_MODE_NEW ? 1 : 0;
    return mode != DOMAIN_MODE_FORGOTTEN;
}

static void
forget_gone_domains(struct serve_metrics *own)
{
    double ratio;

    for (size_t i = own->domain_count; i > 0; i--) {
        char *name = own->domains[i - 1];
        const char *labels[] = {name};

        if (find_ratio(own->context->replica, span_of(name), &ratio))
            continue;
        metrics_forget(own->context->metrics, "domain_weight_ratio", labels);
        own->domain_count--;
        if (i - 1 != own->domain_count)
            memcpy(name, own->domains[own->domain_count], sizeof(own->domains[0]));
    }
}

/* The kept copy of the name; NULL when there are too many already. */
static const char *
keep_name(struct serve_metrics *own, struct span name)
{
    char *copy = own->domains[own->domain_count];

    for (size_t i = 0; i < own->domain_count; i++) {
        if (span_is(name, own->domains[i]))
            return own->domains[i];
    }
    if (own->domain_count == WEIGHT_DOMAINS_MAX ||
        !span_copy(name, copy, sizeof(own->domains[0])))
        return NULL;
    own->domain_count++;
    return copy;
}

static void
set_weights(struct serve_metrics *own)
{
    const struct replica *replica = own->context->replica;
    struct replica_domain found;
    struct span name;
    uint64_t cursor = 0;
    double ratio;

    forget_gone_domains(own);
    while (replica_next_domain(replica, &cursor, &name, &found)) {
        const char *label =
            find_ratio(replica, name, &ratio) ? keep_name(own, name) : NULL;

        if (label != NULL)
            set(own->context->metrics, "domain_weight_ratio", label, ratio);
    }
}

static void
refresh(void *argument)
{
    struct serve_metrics *own = argument;
    struct replica_status status;

    replica_sync_status(own->context->sync, &status);
    set_redis(own->context->metrics, &status);
    set_replica(own->context->metrics, own->context->replica, &status);
    set_weights(own);
}

struct serve_metrics *
serve_metrics_new(const struct serve_context *context)
{
    struct serve_metrics *own = allocate(sizeof(*own));

    own->context = context;
    metrics_on_write(context->metrics, refresh, own);
    return own;
}

void
serve_metrics_free(struct serve_metrics *own)
{
    free(own);
}
