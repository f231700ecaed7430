/*
 * metrics - counters, gauges and histograms as Prometheus text (exposition format 0.0.4).
 *
 * A registry is a fixed set of families, declared as rows; a series is a family with
 * label values.  Counting is an atomic add and may happen in any thread; series are made
 * at start or first use (under a lock), at most 1000 a family: what comes then is counted
 * in one whose labels are all "other".  A family whose first label is `domain` has at
 * most 200 of them at a time, and 4000 series: more are the domain "other".  Names get
 * the prefix "postshift_" unless they start with "process_".  HELP and TYPE always,
 * series that exist start at 0, those of families without labels exist from the start;
 * promtool check metrics is silent.  A name that was not declared ends the process.
 */
#ifndef SHARED_SERVICE_METRICS_H
#define SHARED_SERVICE_METRICS_H

#include "shared/base/buffer.h"

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

enum { METRICS_LABELS_MAX = 4 };

struct metrics_family {
    const char *name; /* counters end in _total */
    const char *help;
    enum metrics_type type;
    const char *labels[METRICS_LABELS_MAX]; /* NULL ends them */
    const double *bounds; /* histograms: upper bounds, ascending, 0-terminated */
};

struct metrics;        /* the registry */
struct metrics_series; /* one of its series; lives as long as the registry */

/* `families` is kept.  Adds build_info, config_last_reload_* and process_* by itself. */
struct metrics *metrics_new(
    const char *program, const struct metrics_family *families, size_t count);
/*
 * The same with its values in memory that processes forked later share: what they count
 * is seen in all of them. Series must be made before the fork (one made later is the
 * process's own).
 */
struct metrics *metrics_new_shared(
    const char *program, const struct metrics_family *families, size_t count);

void metrics_free(struct metrics *metrics);

/* The series with these label values (as many as the family has labels; texts are
 * copied). */
struct metrics_series *metrics_series(
    struct metrics *metrics, const char *name, const char *const *values);
/* Forgets a series, such as that of a domain which is gone. */
void metrics_forget(struct metrics *metrics, const char *name, const char *const *values);

void metrics_add(struct metrics_series *series, double amount);
void metrics_set(struct metrics_series *series, double value);
void metrics_observe(struct metrics_series *series, double value);
/* Of a histogram: the sum. */
double metrics_value(const struct metrics_series *series);

/* For config_last_reload_successful and its time stamp. */
void metrics_reloaded(struct metrics *metrics, bool successful);

/* `refresh` is called before each writing, to set gauges as they are then. */
void metrics_on_write(
    struct metrics *metrics, void (*refresh)(void *argument), void *argument);

void metrics_write(struct metrics *metrics, struct buffer *out);

#endif
