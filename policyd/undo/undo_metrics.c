#include "policyd/undo/undo_metrics.h"

#include "shared/base/attributes.h"

static const struct metrics_family families[] = {
    {"undo_copies_total",                   "Copies for undo, by what became of them.", METRICS_COUNTER,
     {"result"},                                                                                                 NULL},
    {"undo_early_removals_total",
     "Files of the journal that went before their time, since undo_max was reached.",   METRICS_COUNTER, {NULL}, NULL},
    {"undo_bytes",                          "Octets of the journal's files.",           METRICS_GAUGE,   {NULL}, NULL},
    {"undo_covers_since_timestamp_seconds",
     "When the oldest copy still there was made, in unix time; 0: none.",               METRICS_GAUGE,   {NULL}, NULL},
};

static void
set(struct metrics *metrics, const char *name, const char *label, double value)
{
    metrics_set(metrics_series(metrics, name, label == NULL ? NULL : &label), value);
}

struct metrics *
undo_metrics_registry(void)
{
    return metrics_new("postshift-undo", families, ARRAY_LENGTH(families));
}

void
undo_metrics_take(struct metrics *metrics, const struct undo_told *told)
{
    set(metrics, "undo_copies_total", "kept", (double)told->copies);
    set(metrics, "undo_copies_total", "refused", (double)told->refused);
    set(metrics, "undo_early_removals_total", NULL, (double)told->early);
    set(metrics, "undo_bytes", NULL, (double)told->octets);
    set(metrics, "undo_covers_since_timestamp_seconds", NULL,
        (double)told->since_ms / 1000);
}
