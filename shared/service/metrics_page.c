#include <math.h>
#include <string.h>

#include "shared/service/metrics_inside.h"
#include "shared/service/metrics_process.h"
#include "shared/service/metrics_text.h"

size_t
metrics_bound_count(const struct metrics_family *row)
{
    size_t count = 0;

    while (row->type == METRICS_HISTOGRAM && row->bounds[count] != 0)
        count++;
    return count;
}

static const char *
prefix_of(const struct metrics_family *row)
{
    return strncmp(row->name, "process_", strlen("process_")) == 0 ? "" : "postshift_";
}

static void
write_sample(struct buffer *out, const struct metrics_series *series, const char *suffix,
    const char *bound, double value)
{
    bool has_labels = series->labels[0] != '\0' || bound != NULL;

    buffer_printf(out, "%s%s%s", prefix_of(series->row), series->row->name, suffix);
    if (has_labels)
        buffer_printf(out, "{%s", series->labels);
    if (bound != NULL)
        buffer_printf(out, "%sle=\"%s\"", series->labels[0] == '\0' ? "" : ",", bound);
    buffer_append_text(out, has_labels ? "} " : " ");
    metrics_text_number(out, value);
    buffer_append_octet(out, '\n');
}

static void
write_histogram(struct buffer *out, const struct metrics_series *series)
{
    size_t count = metrics_bound_count(series->row);
    double sum = atomic_load(&series->values->value);
    uint64_t total = 0;

    for (size_t i = 0; i <= count; i++) {
        struct buffer bound;

        buffer_init(&bound, 64);
        metrics_text_number(&bound, i < count ? series->row->bounds[i] : INFINITY);
        total += atomic_load(&series->values->buckets[i]);
        write_sample(out, series, "_bucket", buffer_text(&bound), (double)total);
        buffer_clear(&bound);
    }
    write_sample(out, series, "_sum", NULL, sum);
    write_sample(out, series, "_count", NULL, (double)total);
}

static void
write_family(struct buffer *out, const struct metrics_shown *family)
{
    static const char *const types[] = {
        [METRICS_COUNTER] = "counter",
        [METRICS_GAUGE] = "gauge",
        [METRICS_HISTOGRAM] = "histogram",
    };
    const struct metrics_family *row = family->row;

    buffer_printf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", prefix_of(row), row->name,
        row->help, prefix_of(row), row->name, types[row->type]);
    for (const struct metrics_series *series = family->first; series != NULL;
         series = series->next) {
        if (atomic_load(&series->values->forgotten))
            continue;
        if (row->type == METRICS_HISTOGRAM)
            write_histogram(out, series);
        else
            write_sample(out, series, "", NULL, atomic_load(&series->values->value));
    }
}

void
metrics_write(struct metrics *metrics, struct buffer *out)
{
    if (metrics->refresh != NULL)
        metrics->refresh(metrics->refresh_argument);
    (void)pthread_mutex_lock(&metrics->lock);
    for (size_t i = 0; i < metrics->count; i++)
        write_family(out, &metrics->families[i]);
    (void)pthread_mutex_unlock(&metrics->lock);
    metrics_process_write(out);
}
