/*
 * scan_metrics - the numbers of postshift-scan: all series made before the first fork.
 */
#ifndef MILTERS_SCAN_SCAN_METRICS_H
#define MILTERS_SCAN_SCAN_METRICS_H

#include "milters/scan/scan_board.h"
#include "milters/scan/scan_decide.h"
#include "shared/service/metrics.h"

struct scan_metrics;

struct scan_metrics *scan_metrics_new(void);
struct metrics *scan_metrics_registry(struct scan_metrics *metrics);
struct metrics_series *scan_metrics_sessions(struct scan_metrics *metrics);

void scan_metrics_message(struct scan_metrics *metrics, enum verdict_action action);
void scan_metrics_result(struct scan_metrics *metrics, const struct scan_words *words,
    int64_t clamav_ms, int64_t spamd_ms);
void scan_metrics_reload(struct scan_metrics *metrics, bool good);
void scan_metrics_died(struct scan_metrics *metrics, const char *process);

/* Copies what stands on the board into the registry. */
void scan_metrics_gather(struct scan_metrics *metrics, const struct scan_board *board);

/* The word of the log line: accept tempfail reject hold discard. */
const char *scan_action_name(enum verdict_action action);

#endif
