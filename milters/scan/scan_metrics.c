#include "milters/scan/scan_metrics.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/base/attributes.h"

static const double bounds[] = {
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 0};

static const struct metrics_family families[] = {
    {"scan_messages_total",             "Messages by what was done with them.",   METRICS_COUNTER,
     {"action"},                                                                                                           NULL  },
    {"scan_results_total",              "Results by engine.",                     METRICS_COUNTER,   {"engine", "result"},
     NULL                                                                                                                        },
    {"scan_duration_seconds",           "Time a scan took, waiting included.",    METRICS_HISTOGRAM,
     {"engine"},                                                                                                           bounds},
    {"scan_workers",                    "Workers by state.",                      METRICS_GAUGE,     {"state"},            NULL  },
    {"scan_worker_exits_total",         "Workers that ended, by reason.",         METRICS_COUNTER,
     {"reason"},                                                                                                           NULL  },
    {"scan_signatures",                 "Signatures loaded.",                     METRICS_GAUGE,     {NULL},               NULL  },
    {"scan_database_timestamp_seconds",
     "Age of the signatures, as unix time of the newest database.",               METRICS_GAUGE,
     {NULL},                                                                                                               NULL  },
    {"scan_database_reloads_total",     "Loads of signatures by result.",         METRICS_COUNTER,
     {"result"},                                                                                                           NULL  },
    {"scan_process_exits_total",        "Processes that ended unasked, by kind.",
     METRICS_COUNTER,                                                                                {"process"},          NULL  },
    {"milter_sessions",                 "Sessions of the MTA.",                   METRICS_GAUGE,     {NULL},               NULL  },
};

static const char *const actions[] = {"accept", "tempfail", "reject", "hold", "discard"};
static const char *const clamav_words[] = {"clean", "infected", "unscanned", "failed"};
static const char *const spamd_words[] = {"ham", "spam", "unknown"};
static const char *const states[] = {NULL, "starting", "spare", "idle", "busy"};
static const char *const processes[] = {"serving", "keeper", "metrics"};

enum {
    ACTIONS = ARRAY_LENGTH(actions),
    CLAMAV_WORDS = ARRAY_LENGTH(clamav_words),
    SPAMD_WORDS = ARRAY_LENGTH(spamd_words),
    STATES = ARRAY_LENGTH(states),
    PROCESSES = ARRAY_LENGTH(processes),
};

struct scan_metrics {
    struct metrics *registry;
    struct metrics_series *messages[ACTIONS];
    struct metrics_series *clamav[CLAMAV_WORDS];
    struct metrics_series *spamd[SPAMD_WORDS];
    struct metrics_series *durations[2];
    struct metrics_series *workers[STATES];
    struct metrics_series *exits[EXIT_REASONS];
    struct metrics_series *signatures;
    struct metrics_series *database_time;
    struct metrics_series *reloads[2];
    struct metrics_series *died[PROCESSES];
    struct metrics_series *sessions;
};

static struct metrics_series *
series(
    struct scan_metrics *metrics, const char *name, const char *first, const char *second)
{
    const char *values[] = {first, second};

    return metrics_series(metrics->registry, name, values);
}

struct scan_metrics *
scan_metrics_new(void)
{
    struct scan_metrics *metrics = allocate(sizeof(*metrics));

    metrics->registry =
        metrics_new_shared("postshift-scan", families, ARRAY_LENGTH(families));
    for (size_t i = 0; i < ACTIONS; i++)
        metrics->messages[i] = series(metrics, "scan_messages_total", actions[i], NULL);
    for (size_t i = 0; i < CLAMAV_WORDS; i++)
        metrics->clamav[i] =
            series(metrics, "scan_results_total", "clamav", clamav_words[i]);
    for (size_t i = 0; i < SPAMD_WORDS; i++)
        metrics->spamd[i] =
            series(metrics, "scan_results_total", "spamd", spamd_words[i]);
    metrics->durations[0] = series(metrics, "scan_duration_seconds", "clamav", NULL);
    metrics->durations[1] = series(metrics, "scan_duration_seconds", "spamd", NULL);
    for (size_t i = 1; i < STATES; i++)
        metrics->workers[i] = series(metrics, "scan_workers", states[i], NULL);
    for (size_t i = 0; i < EXIT_REASONS; i++)
        metrics->exits[i] = series(
            metrics, "scan_worker_exits_total", scan_exit_name((enum scan_exit)i), NULL);
    metrics->signatures = series(metrics, "scan_signatures", NULL, NULL);
    metrics->database_time =
        series(metrics, "scan_database_timestamp_seconds", NULL, NULL);
    metrics->reloads[0] = series(metrics, "scan_database_reloads_total", "fail", NULL);
    metrics->reloads[1] = series(metrics, "scan_database_reloads_total", "ok", NULL);
    for (size_t i = 0; i < PROCESSES; i++)
        metrics->died[i] =
            series(metrics, "scan_process_exits_total", processes[i], NULL);
    metrics->sessions = series(metrics, "milter_sessions", NULL, NULL);
    return metrics;
}

struct metrics *
scan_metrics_registry(struct scan_metrics *metrics)
{
    return metrics->registry;
}

struct metrics_series *
scan_metrics_sessions(struct scan_metrics *metrics)
{
    return metrics->sessions;
}

void
scan_metrics_message(struct scan_metrics *metrics, enum verdict_action action)
{
    metrics_add(metrics->messages[action], 1);
}

static void
count_word(struct metrics_series *const *list, const char *const *words, size_t count,
    const char *word)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], word) == 0)
            metrics_add(list[i], 1);
    }
}

void
scan_metrics_result(struct scan_metrics *metrics, const struct scan_words *words,
    int64_t clamav_ms, int64_t spamd_ms)
{
    count_word(metrics->clamav, clamav_words, CLAMAV_WORDS, words->clamav);
    metrics_observe(metrics->durations[0], (double)clamav_ms / 1000);
    if (words->spamd != NULL)
        count_word(metrics->spamd, spamd_words, SPAMD_WORDS, words->spamd);
    if (spamd_ms >= 0)
        metrics_observe(metrics->durations[1], (double)spamd_ms / 1000);
}

void
scan_metrics_reload(struct scan_metrics *metrics, bool good)
{
    metrics_add(metrics->reloads[good ? 1 : 0], 1);
}

void
scan_metrics_died(struct scan_metrics *metrics, const char *process)
{
    for (size_t i = 0; i < PROCESSES; i++) {
        if (strncmp(process, processes[i], strlen(processes[i])) == 0)
            metrics_add(metrics->died[i], 1);
    }
}

void
scan_metrics_gather(struct scan_metrics *metrics, const struct scan_board *board)
{
    for (size_t i = 1; i < STATES; i++)
        metrics_set(
            metrics->workers[i], scan_board_count(board, (enum scan_worker_state)i));
    for (size_t i = 0; i < EXIT_REASONS; i++)
        metrics_set(metrics->exits[i], (double)atomic_load(&board->exits[i]));
    metrics_set(metrics->signatures, atomic_load(&board->signatures));
    metrics_set(metrics->database_time, (double)atomic_load(&board->database_time));
}

const char *
scan_action_name(enum verdict_action action)
{
    return actions[action];
}
