#include "shared/service/metrics.h"

#include "shared/base/allocate.h"
#include "shared/service/metrics_inside.h"
#include "shared/service/metrics_text.h"

#include <assert.h>
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
    OF_DOMAINS_MAX = 4000, /* the same where it has a domain: 200 of them, with all that
                              they have */
    LABELS_LENGTH_MAX = 4096,
    BUCKETS_MAX = 32,
    SHARED_SIZE = 256 * 1024,
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

/* Domains stand as the first label. */
static bool
has_domain(const struct metrics_family *row)
{
    return row->labels[0] != NULL && strcmp(row->labels[0], "domain") == 0;
}

static size_t
series_max(const struct metrics_family *row)
{
    return has_domain(row) ? OF_DOMAINS_MAX : SERIES_MAX;
}

static size_t
chain_of(const char *labels)
{
    uint32_t sum = 2166136261U;

    for (; *labels != '\0'; labels++)
        sum = (sum ^ (unsigned char)*labels) * 16777619U;
    return sum % METRICS_CHAINS;
}

static struct metrics_series *
find_series(const struct metrics_shown *family, const char *labels)
{
    for (struct metrics_series *series = family->chains[chain_of(labels)]; series != NULL;
         series = series->next_in_chain) {
        if (strcmp(series->labels, labels) == 0)
            return series;
    }
    return NULL;
}

static bool
is_shared(const struct metrics *metrics, const struct metrics_values *values)
{
    uintptr_t place = (uintptr_t)values;
    uintptr_t first = (uintptr_t)metrics->shared;

    return metrics->shared != NULL && place >= first && place < first + SHARED_SIZE;
}

static struct metrics_values *
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
add_series(struct metrics *metrics, struct metrics_shown *family, const char *labels)
{
    size_t buckets = metrics_bound_count(family->row) + 1;
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
    series->next_in_chain = family->chains[chain_of(labels)];
    family->chains[chain_of(labels)] = series;
    family->shown++;
    family->remembered++;
    return series;
}

static void
revive(struct metrics_shown *family, struct metrics_series *series)
{
    if (!atomic_load(&series->values->forgotten))
        return;
    atomic_store(&series->values->value, 0);
    for (size_t i = 0; i <= metrics_bound_count(series->row); i++)
        atomic_store(&series->values->buckets[i], 0);
    atomic_store(&series->values->forgotten, false);
    family->shown++;
}

/* Whether one more may show, with these labels. */
static bool
enter(struct metrics_shown *family, const char *const *values)
{
    if (family->shown >= series_max(family->row) ||
        family->remembered >= 4 * series_max(family->row))
        return false;
    if (!has_domain(family->row))
        return true;
    assert(values != NULL);
    return metrics_domains_enter(&family->domains, values[0]);
}

/* That of all that is too much; where there are too many domains, the rest is known. */
static void
write_other_labels(
    struct buffer *out, const struct metrics_shown *family, const char *const *values)
{
    const char *others[METRICS_LABELS_MAX] = {"other"};
    bool is_full = family->shown >= series_max(family->row);
    size_t count = label_count(family->row);

    assert(values != NULL || count < 2);
    buffer_reset(out);
    for (size_t i = 1; i < count; i++)
        others[i] = values[i];
    write_labels(out, family->row, has_domain(family->row) && !is_full ? others : NULL);
    if (!buffer_ok(out)) {
        buffer_reset(out);
        write_labels(out, family->row, NULL);
    }
}

static struct metrics_series *
take_series(
    struct metrics *metrics, struct metrics_shown *family, const char *const *values)
{
    struct metrics_series *series;
    struct buffer labels;

    buffer_init(&labels, LABELS_LENGTH_MAX);
    write_labels(&labels, family->row, values);
    series = buffer_ok(&labels) ? find_series(family, buffer_text(&labels)) : NULL;
    if ((series == NULL || atomic_load(&series->values->forgotten)) &&
        (!buffer_ok(&labels) || !enter(family, values))) {
        write_other_labels(&labels, family, values);
        series = find_series(family, buffer_text(&labels));
    }
    if (series == NULL)
        series = add_series(metrics, family, buffer_text(&labels));
    else
        revive(family, series);
    buffer_clear(&labels);
    return series;
}

static struct metrics_shown *
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

static void
add_family(struct metrics *metrics, const struct metrics_family *row)
{
    struct metrics_shown *family = &metrics->families[metrics->count++];

    assert(metrics_bound_count(row) < BUCKETS_MAX);
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
        metrics_domains_clear(&metrics->families[i].domains);
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
    struct metrics_shown *family = find_family(metrics, name);
    struct metrics_series *series;
    struct buffer labels;

    buffer_init(&labels, LABELS_LENGTH_MAX);
    write_labels(&labels, family->row, values);
    (void)pthread_mutex_lock(&metrics->lock);
    series = buffer_ok(&labels) ? find_series(family, buffer_text(&labels)) : NULL;
    if (series != NULL && !atomic_exchange(&series->values->forgotten, true)) {
        family->shown--;
        if (has_domain(family->row))
            metrics_domains_leave(&family->domains, values[0]);
    }
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
