#include "policyd/books/books_samples.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/books/books_base.h"
#include "policyd/books/books_enter.h"
#include "shared/base/allocate.h"

enum { FIRST_ROOM = 4096, DOMAIN_SIZE = 256 };

struct sample {
    int64_t at_ms;
    uint32_t delay_ms;
    uint16_t domain; /* of `domains` */
    uint8_t side;
    uint8_t outcome;
};

struct books_samples {
    struct sample *samples; /* by their time */
    size_t count;
    size_t room;
    char (*domains)[DOMAIN_SIZE];
    size_t domain_count;
    uint32_t *delays; /* room to sort */
};

static int
by_time(const void *left, const void *right)
{
    const struct sample *a = left;
    const struct sample *b = right;

    return (a->at_ms > b->at_ms) - (a->at_ms < b->at_ms);
}

static int
by_size(const void *left, const void *right)
{
    const uint32_t *a = left;
    const uint32_t *b = right;

    return (*a > *b) - (*a < *b);
}

/* Few names, so the list is walked; what is too much for it shares the last place. */
static uint16_t
domain_place(struct books_samples *samples, const char *name)
{
    for (size_t i = samples->domain_count; i > 0; i--) {
        if (strcmp(samples->domains[i - 1], name) == 0)
            return (uint16_t)(i - 1);
    }
    if (samples->domain_count == UINT16_MAX)
        return UINT16_MAX - 1;
    samples->domains = allocate_grow(
        samples->domains, samples->domain_count + 1, sizeof(*samples->domains));
    (void)span_copy(span_of(name), samples->domains[samples->domain_count], DOMAIN_SIZE);
    return (uint16_t)samples->domain_count++;
}

static void
take(struct books_samples *samples, sqlite3_stmt *row)
{
    int64_t delay = sqlite3_column_int64(row, 3);
    int side = sqlite3_column_int(row, 1) - BACKEND_OLD;

    if (side < 0 || side >= REPORT_SIDES)
        return;
    if (samples->count == samples->room) {
        samples->room = samples->room == 0 ? FIRST_ROOM : 2 * samples->room;
        samples->samples =
            allocate_grow(samples->samples, samples->room, sizeof(*samples->samples));
    }
    samples->samples[samples->count++] = (struct sample){
        .at_ms = sqlite3_column_int64(row, 0),
        .side = (uint8_t)side,
        .outcome = (uint8_t)sqlite3_column_int(row, 2),
        .delay_ms = delay > UINT32_MAX ? UINT32_MAX : (uint32_t)delay,
        .domain = domain_place(samples, (const char *)sqlite3_column_text(row, 4)),
    };
}

struct books_samples *
books_samples_read(
    struct books *books, int64_t since_ms, int64_t until_ms, struct error *error)
{
    static const char sql[] =
        "SELECT r.first_at, r.first_backend, r.first_outcome, r.first_delay, r.domain"
        " FROM recipient r JOIN message m ON m.id = r.message"
        " WHERE m.kind = 0 AND r.domain <> '' AND r.first_backend > 0"
        "   AND r.first_at >= ?1 AND r.first_at < ?2 AND r.attempts > 0";
    struct books_samples *samples = allocate(sizeof(*samples));
    sqlite3_stmt *row = books_prepare(books, sql, error);
    int result = -1;

    if (row != NULL) {
        (void)sqlite3_bind_int64(row, 1, since_ms);
        (void)sqlite3_bind_int64(row, 2, until_ms);
    }
    while (row != NULL && (result = books_step(books, row, error)) == 1)
        take(samples, row);
    if (result != 0) {
        books_samples_free(samples);
        return NULL;
    }
    samples->delays = allocate_array(samples->count + 1, sizeof(*samples->delays));
    if (samples->count > 0)
        qsort(samples->samples, samples->count, sizeof(*samples->samples), by_time);
    return samples;
}

void
books_samples_free(struct books_samples *samples)
{
    if (samples == NULL)
        return;
    free(samples->samples);
    free(samples->domains);
    free(samples->delays);
    free(samples);
}

/* The first that is of this time or later. */
static size_t
find(const struct books_samples *samples, int64_t time_ms)
{
    size_t low = 0;
    size_t high = samples->count;

    while (low < high) {
        size_t middle = low + ((high - low) / 2);

        if (samples->samples[middle].at_ms < time_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The smallest that at least so many of a hundred are within. */
static int64_t
percentile(const uint32_t *delays, size_t count, size_t percent)
{
    return count == 0 ? -1 : (int64_t)delays[((count * percent) + 99) / 100 - 1];
}

struct report_attempts
books_samples_judge(struct books_samples *samples, const char *domain,
    enum report_side side, int64_t from_ms, int64_t to_ms)
{
    struct report_attempts judged = {0};
    size_t count = 0;

    for (size_t i = find(samples, from_ms);
         i < samples->count && samples->samples[i].at_ms < to_ms; i++) {
        const struct sample *sample = &samples->samples[i];

        if (sample->side != (uint8_t)side ||
            (domain != NULL && strcmp(samples->domains[sample->domain], domain) != 0))
            continue;
        judged.ok += sample->outcome == OUTCOME_OK;
        judged.fail += sample->outcome == OUTCOME_FAIL;
        judged.other += sample->outcome != OUTCOME_OK && sample->outcome != OUTCOME_FAIL;
        if (sample->outcome == OUTCOME_OK)
            samples->delays[count++] = sample->delay_ms;
    }
    if (count > 0)
        qsort(samples->delays, count, sizeof(*samples->delays), by_size);
    judged.p50_ms = percentile(samples->delays, count, 50);
    judged.p95_ms = percentile(samples->delays, count, 95);
    return judged;
}
