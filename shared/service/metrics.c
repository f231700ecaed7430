#include "shared/service/metrics.h"

#include "shared/base/allocate.h"
#include "shared/service/metrics_process.h"
#include "shared/service/metrics_text.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    SERIES_MAX = 1000,     /* that show, in a family */
    REMEMBERED_MAX = 4000, /* forgotten ones among them: their pointers stay good */
    LABELS_LENGTH_MAX = 4096,
    BUCKETS_MAX = 32,
    SHARED_SIZE = 256 * 1024,
};

/* What is counted: the one part that forked processes may share. */
struct values {
    atomic_bool forgotten;
    _Atomic double value; /* of a histogram the sum */
    atomic_uint_fast64_t buckets[];
};

struct metrics_series {
    struct metrics_series *next;
    const struct metrics_family *row;
    char *labels; /* written out: `a="b",c="d"` */
    struct values *values;
};

struct family {
    const struct metrics_family *row;
    struct metrics_series *first;
    struct metrics_series *last;
    size_t shown;
    size_t remembered;
};

struct metrics {
    pthread_mutex_t lock; /* of the lists; values are atomic */
    struct metrics_series *reload_ok;
    struct metrics_series *reload_time;
    void (*refresh)(void *argument);
    void *refresh_argument;
    /* Of metrics_new_shared: where values stand, for the process that made it. */
    char *shared;
    size_t shared_used;
    pid_t owner;
    size_t count;
    struct family families[];
};

static const struct metrics_family own_families[] = {
    {"build_info",                                   "The program and its version, always 1.", METRICS_GAUGE,
     {"program", "version"},                                                                                          NULL},
    {"config_last_reload_successful",
     "Whether the last reading of the configuration was taken.",                               METRICS_GAUGE, {NULL},
     NULL                                                                                                                 },
    {"config_last_reload_success_timestamp_seconds",
     "When a configuration was last taken, in unix time.",                                     METRICS_GAUGE, {NULL},
     NULL                                                                                                                 },
};

static size_t
bound_count(const struct metrics_family *row)
{
    size_t count = 0;

    while (row->type == METRICS_HISTOGRAM && row->bounds[count] != 0)
        count++;
    return count;
}

static size_t
label_count(const struct metrics_family *row)
{
    size_t count = 0;

    while (count < METRICS_LABELS_MAX && row->labels[count] != NULL)
        count++;
    return count;
}

/* NULL for `values`: "other" for each, the series of all that is too much. */
static void
write_labels(
    struct buffer *out, const struct metrics_family *row, const char *const *values)
{
    for (size_t i = 0; i < label_count(row); i++)
        metrics_text_label(out, row->labels[i], values == NULL ? "other" : values[i]);
}

static struct metrics_series *
find_series(const struct family *family, const char *labels)
{
    for (struct metrics_series *series = family->first; series != NULL;
         series = series->next) {
        if (strcmp(series->labels, labels) == 0)
            return series;
    }
    return NULL;
}

static bool
is_shared(const struct metrics *metrics, const struct values *values)
{
    uintptr_t place = (uintptr_t)values;
    uintptr_t first = (uintptr_t)metrics->shared;

    return metrics->shared != NULL && place >= first && place < first + SHARED_SIZE;
}

static struct values *
allocate_values(struct metrics *metrics, size_t size)
{
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    void *taken;

    if (metrics->shared == NULL || metrics->owner != getpid() ||
        rounded > SHARED_SIZE - metrics->shared_used)
        return allocate(size);
    taken = metrics->shared + metrics->shared_used;
    metrics->shared_used += rounded;
    return taken;
}

static struct metrics_series *
add_series(struct metrics *metrics, struct family *family, const char *labels)
{
    size_t buckets = bound_count(family->row) + 1;
    struct metrics_series *series = allocate(sizeof(*series));

    series->row = family->row;
    series->labels = allocate_text(span_of(labels));
    series->values = allocate_values(
        metrics, sizeof(*series->values) + buckets * sizeof(series->values->buckets[0]));
    if (family->last == NULL)
        family->first = series;
    else
        family->last->next = series;
    family->last = series;
    family->shown++;
    family->remembered++;
    return series;
}

static void
revive(struct family *family, struct metrics_series *series)
{
    if (!atomic_load(&series->values->forgotten))
        return;
    atomic_store(&series->values->value, 0);
    for (size_t i = 0; i <= bound_count(series->row); i++)
        atomic_store(&series->values->buckets[i], 0);
    atomic_store(&series->values->forgotten, false);
    family->shown++;
}

static struct metrics_series *
take_series(struct metrics *metrics, struct family *family, const char *const *values)
{
    struct metrics_series *series;
    struct buffer labels;

    buffer_init(&labels, LABELS_LENGTH_MAX);
    write_labels(&labels, family->row, values);
    series = buffer_ok(&labels) ? find_series(family, buffer_text(&labels)) : NULL;
    if (series == NULL && (!buffer_ok(&labels) || family->shown >= SERIES_MAX ||
                              family->remembered >= REMEMBERED_MAX)) {
        buffer_reset(&labels);
        write_labels(&labels, family->row, NULL);
        series = find_series(family, buffer_text(&labels));
    }
    if (series == NULL)
        series = add_series(metrics, family, buffer_text(&labels));
    else
        revive(family, series);
    buffer_clear(&labels);
    return series;
}

static struct family *
find_family(struct metrics *metrics, const char *name)
{
    for (size_t i = 0; i < metrics->count; i++) {
        if (strcmp(metrics->families[i].row->name, name) == 0)
            return &metrics->families[i];
    }
    /* A name that is not declared is a mistake in the program. */
    (void)fprintf(stderr, "metrics: no family %s\n", name);
    abort();
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
    size_t count = bound_count(series->row);
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
write_family(struct buffer *out, const struct family *family)
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

static void
add_family(struct metrics *metrics, const struct metrics_family *row)
{
    struct family *family = &metrics->families[metrics->count++];

    assert(bound_count(row) < BUCKETS_MAX);
    family->row = row;
    if (label_count(row) == 0)
        (void)take_series(metrics, family, NULL);
}

static struct metrics *
make(const char *program, const struct metrics_family *families, size_t count,
    char *shared)
{
    struct metrics *metrics =
        allocate(sizeof(*metrics) +
                 (count + ARRAY_LENGTH(own_families)) * sizeof(metrics->families[0]));
    const char *const build[] = {program, POSTSHIFT_VERSION};

    (void)pthread_mutex_init(&metrics->lock, NULL);
    metrics->shared = shared;
    metrics->owner = getpid();
    for (size_t i = 0; i < ARRAY_LENGTH(own_families); i++)
        add_family(metrics, &own_families[i]);
    for (size_t i = 0; i < count; i++)
        add_family(metrics, &families[i]);
    metrics_set(metrics_series(metrics, "build_info", build), 1);
    metrics->reload_ok = metrics_series(metrics, "config_last_reload_successful", NULL);
    metrics->reload_time =
        metrics_series(metrics, "config_last_reload_success_timestamp_seconds", NULL);
    metrics_reloaded(metrics, true);
    return metrics;
}

struct metrics *
metrics_new(const char *program, const struct metrics_family *families, size_t count)
{
    return make(program, families, count, NULL);
}

struct metrics *
metrics_new_shared(
    const char *program, const struct metrics_family *families, size_t count)
{
    void *shared = mmap(
        NULL, SHARED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED)
        abort();
    return make(program, families, count, shared);
}

void
metrics_free(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (size_t i = 0; i < metrics->count; i++) {
        struct metrics_series *series = metrics->families[i].first;

        while (series != NULL) {
            struct metrics_series *next = series->next;

            if (!is_shared(metrics, series->values))
                free(series->values);
            free(series->labels);
            free(series);
            series = next;
        }
    }
    if (metrics->shared != NULL)
        (void)munmap(metrics->shared, SHARED_SIZE);
    (void)pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

struct metrics_series *
metrics_series(struct metrics *metrics, const char *name, const char *const *values)
{
    struct metrics_series *series;

    (void)pthread_mutex_lock(&metrics->lock);
    series = take_series(metrics, find_family(metrics, name), values);
    (void)pthread_mutex_unlock(&metrics->lock);
    return series;
}

void
metrics_forget(struct metrics *metrics, const char *name, const char *const *values)
{
    struct family *family = find_family(metrics, name);
    struct metrics_series *series;
    struct buffer labels;

    buffer_init(&labels, LABELS_LENGTH_MAX);
    write_labels(&labels, family->row, values);
    (void)pthread_mutex_lock(&metrics->lock);
    series = buffer_ok(&labels) ? find_series(family, buffer_text(&labels)) : NULL;
    if (series != NULL && !atomic_exchange(&series->values->forgotten, true))
        family->shown--;
    (void)pthread_mutex_unlock(&metrics->lock);
    buffer_clear(&labels);
}

void
metrics_add(struct metrics_series *series, double amount)
{
    double before = atomic_load_explicit(&series->values->value, memory_order_relaxed);

    while (!atomic_compare_exchange_weak_explicit(&series->values->value, &before,
        before + amount, memory_order_relaxed, memory_order_relaxed))
        continue;
}

void
metrics_set(struct metrics_series *series, double value)
{
    atomic_store_explicit(&series->values->value, value, memory_order_relaxed);
}

void
metrics_observe(struct metrics_series *series, double value)
{
    const double *bounds = series->row->bounds;
    size_t i = 0;

    assert(series->row->type == METRICS_HISTOGRAM);
    while (bounds[i] != 0 && value > bounds[i])
        i++;
    atomic_fetch_add_explicit(&series->values->buckets[i], 1, memory_order_relaxed);
    metrics_add(series, value);
}

double
metrics_value(const struct metrics_series *series)
{
    return atomic_load_explicit(&series->values->value, memory_order_relaxed);
}

void
metrics_reloaded(struct metrics *metrics, bool successful)
{
    metrics_set(metrics->reload_ok, successful ? 1 : 0);
    if (successful)
        metrics_set(metrics->reload_time, (double)time(NULL));
}

void
metrics_on_write(struct metrics *metrics, void (*refresh)(void *argument), void *argument)
{
    metrics->refresh = refresh;
    metrics->refresh_argument = argument;
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
