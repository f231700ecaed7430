#include "milters/auth/auth_metrics.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/base/attributes.h"

static const double message_bounds[] = {
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 0};
static const double dns_bounds[] = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 0};

static const struct metrics_family families[] = {
    {"auth_messages_total",           "Messages by what was done with them.",            METRICS_COUNTER,
     {"action"},                                                                                                                  NULL          },
    {"auth_results_total",
     "Results by method; a message with several signatures counts each.",                METRICS_COUNTER,   {"method", "result"}, NULL          },
    {"auth_forged_headers_total",     "Fields removed because they claimed to be ours.",
     METRICS_COUNTER,                                                                                       {NULL},               NULL          },
    {"auth_message_duration_seconds", "Time from MAIL FROM to the verdict.",
     METRICS_HISTOGRAM,                                                                                     {NULL},               message_bounds},
    {"dns_queries_total",             "DNS questions by result.",                        METRICS_COUNTER,   {"result"},           NULL          },
    {"dns_query_duration_seconds",    "Time a DNS question took.",                       METRICS_HISTOGRAM, {NULL},
     dns_bounds                                                                                                                                 },
    {"auth_process_exits_total",      "Processes that ended unasked, by kind.",
     METRICS_COUNTER,                                                                                       {"process"},          NULL          },
    {"milter_sessions",               "Sessions of the MTA.",                            METRICS_GAUGE,     {NULL},               NULL          },
};

static const char *const actions[] = {"accept", "tempfail", "reject", "hold", "discard"};
static const char *const methods[AUTH_METHODS] = {"spf", "dkim", "dmarc"};
static const char *const processes[] = {"serving", "metrics"};

enum {
    ACTIONS = ARRAY_LENGTH(actions),
    PROCESSES = ARRAY_LENGTH(processes),
    STATUSES = DNS_LOCAL + 1,
};

struct auth_metrics {
    struct metrics *registry;
    struct metrics_series *messages[ACTIONS];
    struct metrics_series *results[AUTH_METHODS][AUTH_RESULT_COUNT];
    struct metrics_series *forged;
    struct metrics_series *duration;
    struct metrics_series *dns[STATUSES];
    struct metrics_series *dns_duration;
    struct metrics_series *died[PROCESSES];
    struct metrics_series *sessions;
};

static struct metrics_series *
series(
    struct auth_metrics *metrics, const char *name, const char *first, const char *second)
{
    const char *values[] = {first, second};

    return metrics_series(metrics->registry, name, values);
}

struct auth_metrics *
auth_metrics_new(void)
{
    struct auth_metrics *metrics = allocate(sizeof(*metrics));

    metrics->registry =
        metrics_new_shared("postshift-auth", families, ARRAY_LENGTH(families));
    for (size_t i = 0; i < ACTIONS; i++)
        metrics->messages[i] = series(metrics, "auth_messages_total", actions[i], NULL);
    for (size_t i = 0; i < AUTH_METHODS; i++) {
        for (size_t k = 0; k < AUTH_RESULT_COUNT; k++)
            metrics->results[i][k] = series(metrics, "auth_results_total", methods[i],
                auth_result_name((enum auth_result)k));
    }
    metrics->forged = series(metrics, "auth_forged_headers_total", NULL, NULL);
    metrics->duration = series(metrics, "auth_message_duration_seconds", NULL, NULL);
    for (size_t i = 0; i < STATUSES; i++)
        metrics->dns[i] = series(
            metrics, "dns_queries_total", dns_status_name((enum dns_status)i), NULL);
    metrics->dns_duration = series(metrics, "dns_query_duration_seconds", NULL, NULL);
    for (size_t i = 0; i < PROCESSES; i++)
        metrics->died[i] =
            series(metrics, "auth_process_exits_total", processes[i], NULL);
    metrics->sessions = series(metrics, "milter_sessions", NULL, NULL);
    return metrics;
}

struct metrics *
auth_metrics_registry(struct auth_metrics *metrics)
{
    return metrics->registry;
}

struct metrics_series *
auth_metrics_sessions(struct auth_metrics *metrics)
{
    return metrics->sessions;
}

void
auth_metrics_message(struct auth_metrics *metrics, enum verdict_action action,
    unsigned forged, int64_t milliseconds)
{
    metrics_add(metrics->messages[action], 1);
    metrics_add(metrics->forged, forged);
    metrics_observe(metrics->duration, (double)milliseconds / 1000);
}

void
auth_metrics_result(
    struct auth_metrics *metrics, enum auth_method method, enum auth_result result)
{
    metrics_add(metrics->results[method][result], 1);
}

void
auth_metrics_dns(
    struct auth_metrics *metrics, enum dns_status status, uint64_t microseconds)
{
    metrics_add(metrics->dns[status], 1);
    metrics_observe(metrics->dns_duration, (double)microseconds / 1e6);
}

void
auth_metrics_died(struct auth_metrics *metrics, const char *process)
{
    for (size_t i = 0; i < PROCESSES; i++) {
        if (strncmp(process, processes[i], strlen(processes[i])) == 0)
            metrics_add(metrics->died[i], 1);
    }
}

const char *
auth_action_name(enum verdict_action action)
{
    return actions[action];
}
