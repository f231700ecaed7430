#include "policyd/cutover/cutover_metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/base/domain.h"
#include "shared/service/metrics_domains.h"

struct cutover_tally_row {
    char domain[256];
    enum books_backend backend;
    enum outcome outcome;
    bool is_first;
    bool is_maybe;
    uint64_t delay_ms;
};

static const double delay_bounds[] = {0.05, 0.1, 0.2, 0.5, 1.2, 2, 5, 10, 30, 60, 300, 0};

static const struct metrics_family families[] = {
    {"redis_up",                                "Whether the connection to Redis is up.",                 METRICS_GAUGE,     {NULL},                           NULL        },
    {"redis_reconnects_total",                  "Connections to Redis after the first.",                  METRICS_COUNTER,
     {NULL},                                                                                                                                                   NULL        },
    {"redis_errors_total",                      "Why connections to Redis failed or were lost.",
     METRICS_COUNTER,                                                                                                        {"reason"},                       NULL        },
    {"cutover_deliveries_total",                "First attempts of a recipient's delivery, by outcome.",
     METRICS_COUNTER,                                                                                                        {"domain", "backend", "outcome"}, NULL        },
    {"cutover_delivery_delay_seconds",
     "From connecting to the answer, of first attempts that were accepted.",                              METRICS_HISTOGRAM, {"domain", "backend"},            delay_bounds},
    {"cutover_replica_digest",
     "What is answered, as a number (48 bits of the digest): alike on gateways that "
        "answer alike; NaN: not known.",                                                                  METRICS_GAUGE,     {NULL},                           NULL        },
    {"cutover_duplicates_total",                "Attempts after which mail may be there more than once.",
     METRICS_COUNTER,                                                                                                        {"domain", "backend"},            NULL        },
    {"cutover_probe_success",                   "Whether the last probe of a backend was good.",
     METRICS_GAUGE,                                                                                                          {"domain", "backend"},            NULL        },
    {"cutover_probe_duration_seconds",          "How long each part of the last probe took.",
     METRICS_GAUGE,                                                                                                          {"domain", "backend", "phase"},   NULL        },
    {"cutover_log_lines_total",                 "Lines of the log: used, of others, in no known form.",
     METRICS_COUNTER,                                                                                                        {"result"},                       NULL        },
    {"cutover_log_last_line_timestamp_seconds",
     "The time of the last line of Postfix, in unix time; 0: none yet.",                                  METRICS_GAUGE,
     {NULL},                                                                                                                                                   NULL        },
    {"cutover_log_lag_seconds",
     "How old the last line was when it was read; 0 when all is read.",                                   METRICS_GAUGE,
     {NULL},                                                                                                                                                   NULL        },
    {"cutover_books_commit_timestamp_seconds",
     "When the books were last written, in unix time; 0: not yet.",                                       METRICS_GAUGE,
     {NULL},                                                                                                                                                   NULL        },
    {"books_difference",
     "By how many recipients the accounts fail to balance; NaN: not known.",                              METRICS_GAUGE,     {NULL},                           NULL        },
    {"oldest_waiting_seconds",
     "How long the oldest mail waits, by domain and reason; 0: none, NaN: not known.",                    METRICS_GAUGE,     {"domain", "reason"},             NULL        },
    {"queue_disagreement",
     "Messages that Postfix's queue has and the books don't, or the reverse; NaN: not "
        "known.",                                                                                         METRICS_GAUGE,     {NULL},                           NULL        },
    {"cutover_plan_state",                      "1 for the state that the plan is in.",                   METRICS_GAUGE,
     {"domain", "state"},                                                                                                                                      NULL        },
    {"cutover_plan_stage",                      "The plan's stage in force, from 1; 0: none yet.",
     METRICS_GAUGE,                                                                                                          {"domain"},                       NULL        },
    {"cutover_transitions_total",               "Transitions of plans that this controller made.",
     METRICS_COUNTER,                                                                                                        {"domain", "kind"},               NULL        },
    {"cutover_hook_runs_total",                 "Runs of hooks that have ended.",                         METRICS_COUNTER,
     {"hook", "result"},                                                                                                                                       NULL        },
    {"cutover_guard_pins",
     "Whom the misprovision guard has pinned to old: known there, or on neither side.",                   METRICS_GAUGE,     {"domain", "kind"},               NULL        },
    {"cutover_availability_ratio",
     "ok/(ok+fail) of first attempts over the window of the plan's trigger.",                             METRICS_GAUGE,     {"domain", "backend", "window"},  NULL        },
    {"cutover_gateways_differ",
     "Whether two gateways have answered otherwise for over 5 s.",                                        METRICS_GAUGE,
     {NULL},                                                                                                                                                   NULL        },
    {"cutover_gateways_silent",
     "Gateways whose controller has said nothing for three heartbeats and three "
        "slots.",                                                                                         METRICS_GAUGE,     {NULL},                           NULL        },
    {"cutover_event_faults_total",
     "Events that were changed, or went on from another one than was copied before.",                     METRICS_COUNTER,   {NULL},                           NULL        },
    {"cutover_healthy",                         "Whether mail may be led to this gateway.",               METRICS_GAUGE,     {NULL},
     NULL                                                                                                                                                                  },
    {"cutover_trouble",                         "1 while log or books can't be used.",                    METRICS_GAUGE,     {NULL},
     NULL                                                                                                                                                                  },
};

static const char *const backends[BACKEND_COUNT] = {"other", "old", "new", "standby"};
static const char *const results[3] = {"used", "other", "unknown"};

struct metrics *
cutover_metrics_registry(void)
{
    struct metrics *metrics =
        metrics_new("postshift-cutover", families, ARRAY_LENGTH(families));

    for (size_t i = 0; i < ARRAY_LENGTH(results); i++)
        metrics_add(metrics_series(metrics, "cutover_log_lines_total", &results[i]), 0);
    return metrics;
}

void
cutover_tally_attempt(struct cutover_tally *tally, const struct books_attempt *attempt)
{
    struct cutover_tally_row *row;

    if (attempt->domain.length == 0 || attempt->backend == BACKEND_OTHER ||
        attempt->domain.length >= sizeof(row->domain) ||
        (!attempt->is_first && !attempt->is_maybe))
        return;
    if (tally->count == tally->room) {
        tally->room = tally->room == 0 ? 64 : 2 * tally->room;
        tally->rows = allocate_grow(tally->rows, tally->room, sizeof(*tally->rows));
    }
    row = &tally->rows[tally->count++];
    *row = (struct cutover_tally_row){
        .backend = attempt->backend,
        .outcome = attempt->outcome,
        .is_first = attempt->is_first,
        .is_maybe = attempt->is_maybe,
        .delay_ms = attempt->delay_ms,
    };
    (void)span_copy(attempt->domain, row->domain, sizeof(row->domain));
}

void
cutover_tally_clear(struct cutover_tally *tally)
{
    free(tally->rows);
    *tally = (struct cutover_tally){.count = 0};
}

static void
take_row(struct metrics *metrics, struct deliveries *deliveries,
    const struct cutover_tally_row *row)
{
    const char *labels[3] = {
        row->domain, backends[row->backend], outcome_name(row->outcome)};

    if (row->is_maybe)
        metrics_add(metrics_series(metrics, "cutover_duplicates_total", labels), 1);
    if (!row->is_first)
        return;
    deliveries_add(deliveries, row->domain, row->backend, row->outcome);
    metrics_add(metrics_series(metrics, "cutover_deliveries_total", labels), 1);
    if (row->outcome == OUTCOME_OK)
        metrics_observe(metrics_series(metrics, "cutover_delivery_delay_seconds", labels),
            (double)row->delay_ms / 1000);
}

void
cutover_metrics_take(
    struct metrics *metrics, struct cutover_tally *tally, struct deliveries *deliveries)
{
    for (size_t i = 0; i < tally->count; i++)
        take_row(metrics, deliveries, &tally->rows[i]);
    tally->count = 0;
}

static void
set(struct metrics *metrics, const char *name, double value)
{
    metrics_set(metrics_series(metrics, name, NULL), value);
}

double
cutover_metrics_lag(const struct follow_status *status)
{
    int64_t lag = status->last_line_seen - status->last_line_ms / 1000;

    return status->is_up_to_date || lag < 0 ? 0 : (double)lag;
}

void
cutover_metrics_follow(
    struct metrics *metrics, const struct follow_status *status, uint64_t told[3])
{
    int64_t last = status->last_line_ms / 1000;

    for (size_t i = 0; i < ARRAY_LENGTH(results); i++) {
        metrics_add(metrics_series(metrics, "cutover_log_lines_total", &results[i]),
            (double)(status->lines[i] - told[i]));
        told[i] = status->lines[i];
    }
    set(metrics, "cutover_log_last_line_timestamp_seconds", (double)last);
    set(metrics, "cutover_log_lag_seconds", cutover_metrics_lag(status));
    set(metrics, "cutover_books_commit_timestamp_seconds", (double)status->committed);
    set(metrics, "cutover_trouble", status->trouble[0] != '\0');
}

void
cutover_metrics_redis(struct metrics *metrics, const struct redis *redis)
{
    uint64_t connects = redis_connects(redis);

    set(metrics, "redis_up", redis_is_up(redis));
    set(metrics, "redis_reconnects_total", connects > 0 ? (double)(connects - 1) : 0);
    for (int i = 0; i < REDIS_TROUBLE_COUNT; i++) {
        enum redis_trouble trouble = (enum redis_trouble)i;
        const char *const labels[] = {redis_trouble_name(trouble)};

        metrics_set(metrics_series(metrics, "redis_errors_total", labels),
            (double)redis_troubles(redis, trouble));
    }
}

void
cutover_metrics_digest(struct metrics *metrics, const char *digest)
{
    set(metrics, "cutover_replica_digest",
        digest == NULL
            ? NAN
            : (double)(strtoull(digest, NULL, 16) & ((UINT64_C(1) << 48) - 1)));
}

static void
begin_domain(struct metrics *metrics, const char *domain)
{
    for (unsigned i = 0; i < 2 * OUTCOME_COUNT; i++) {
        const char *const labels[] = {domain, backends[BACKEND_OLD + i / OUTCOME_COUNT],
            outcome_name((enum outcome)(i % OUTCOME_COUNT))};

        metrics_add(metrics_series(metrics, "cutover_deliveries_total", labels), 0);
        (void)metrics_series(metrics, "cutover_delivery_delay_seconds", labels);
        (void)metrics_series(metrics, "cutover_duplicates_total", labels);
    }
}

void
cutover_metrics_domains(struct metrics *metrics, const struct replica *replica)
{
    struct replica_domain found;
    struct span name;
    uint64_t cursor = 0;
    char domain[DOMAIN_MAX + 1];

    /* With more than there are places, those that get mail have them. */
    if (replica_domain_count(replica) > METRICS_DOMAINS_MAX)
        return;
    while (replica_next_domain(replica, &cursor, &name, &found)) {
        if (span_copy(name, domain, sizeof(domain)))
            begin_domain(metrics, domain);
    }
}

void
cutover_metrics_events(struct metrics *metrics, uint64_t faults)
{
    metrics_add(
        metrics_series(metrics, "cutover_event_faults_total", NULL), (double)faults);
}

void
cutover_metrics_health(struct metrics *metrics, bool is_up)
{
    set(metrics, "cutover_healthy", is_up);
}

void
cutover_metrics_queue(struct metrics *metrics, const struct queue_watch_status *status)
{
    set(metrics, "queue_disagreement",
        status->is_known ? (double)(status->queue_only + status->books_only) : NAN);
}

static bool
is_same(const struct waiting_row *left, const struct waiting_row *right)
{
    return left->reason == right->reason && strcmp(left->domain, right->domain) == 0;
}

static const struct waiting_row *
find_row(const struct waiting_row *rows, size_t count, const struct waiting_row *wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (is_same(&rows[i], wanted))
            return &rows[i];
    }
    return NULL;
}

static void
show_new_rows(struct waiting_shown *shown, const struct books_waiting *waiting)
{
    for (size_t i = 0; i < waiting->count && shown->count < WAITING_ROWS_MAX; i++) {
        if (find_row(shown->rows, shown->count, &waiting->rows[i]) != NULL)
            continue;
        shown->rows =
            allocate_more(shown->rows, shown->count, &shown->room, sizeof(*shown->rows));
        shown->rows[shown->count++] = waiting->rows[i];
    }
}

void
cutover_metrics_figures(struct metrics *metrics, const struct figures_status *status,
    struct waiting_shown *shown)
{
    const struct books_waiting *waiting = status->waiting;
    int64_t now = (int64_t)time(NULL);

    set(metrics, "books_difference", status->is_known ? (double)status->difference : NAN);
    if (status->is_known)
        show_new_rows(shown, waiting);
    for (size_t i = 0; i < shown->count; i++) {
        const struct waiting_row *row =
            find_row(waiting->rows, waiting->count, &shown->rows[i]);
        const char *labels[] = {
            shown->rows[i].domain, waiting_reason_name(shown->rows[i].reason)};
        int64_t age = row == NULL ? 0 : now - row->oldest_ms / 1000;

        metrics_set(metrics_series(metrics, "oldest_waiting_seconds", labels),
            status->is_known ? (age > 0 ? (double)age : 0) : NAN);
    }
}
