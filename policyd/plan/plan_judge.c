#include "policyd/plan/plan_judge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/hash.h"
#include "shared/base/number.h"
#include "shared/base/octet.h"

static const double ratios[JUDGE_RATIOS] = {1.25, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32};
static const double alarm_at = 20;
static const double least_share = 0.02;
static const double most_share = 0.98;
static const double largest_log = 700; /* exp() of it is still a number */
static const double largest_sum = 1e12;
static const uint64_t largest_count = UINT64_C(1) << 53;
static const int64_t minute_ms = 60000;

enum {
    OLD,
    NEW,
    CAUSE_MAX = 512, /* octets of a cause that tell */
    BACK_MINUTES = 60,
};

/* log(t(r) / s) where new failed, else log((1 - t(r)) / (1 - s)). */
static double
gain(double ratio, bool on_new, double share)
{
    return (on_new ? log(ratio) : 0) - log1p(share * (ratio - 1));
}

static bool
share_is_usable(double share)
{
    return share >= least_share && share <= most_share; /* false for no number */
}

void
judge_failure(struct judge *judge, bool on_new, double share)
{
    if (!share_is_usable(share))
        return;
    for (size_t i = 0; i < JUDGE_RATIOS; i++)
        judge->worse[i] += gain(ratios[i], on_new, share);
    judge->fine -= gain(JUDGE_MARGIN, on_new, share);
    judge->failures[on_new ? NEW : OLD]++;
}

void
judge_add(struct judge *sum, const struct judge *other)
{
    for (size_t i = 0; i < JUDGE_RATIOS; i++)
        sum->worse[i] += other->worse[i];
    sum->fine += other->fine;
    sum->failures[OLD] += other->failures[OLD];
    sum->failures[NEW] += other->failures[NEW];
}

/* The logarithm of the mean over all ratios: the largest is taken out, so that nothing
 * overflows. */
static double
log_worse(const struct judge *judge)
{
    double largest = judge->worse[0];
    double sum = 0;

    for (size_t i = 1; i < JUDGE_RATIOS; i++)
        largest = fmax(largest, judge->worse[i]);
    for (size_t i = 0; i < JUDGE_RATIOS; i++)
        sum += exp(judge->worse[i] - largest);
    return largest + log(sum / JUDGE_RATIOS);
}

double
judge_worse(const struct judge *judge)
{
    return exp(fmin(log_worse(judge), largest_log));
}

double
judge_fine(const struct judge *judge)
{
    return exp(fmin(judge->fine, largest_log));
}

enum judge_answer
judge_answer(const struct judge *judge)
{
    if (log_worse(judge) >= log(alarm_at))
        return JUDGE_WORSE;
    return judge->fine >= log(alarm_at) ? JUDGE_FINE : JUDGE_NOT_YET;
}

double
judge_failures_to_fine(const struct judge *judge, double share, double on_new)
{
    double mean;

    if (!share_is_usable(share) || !(on_new >= 0 && on_new <= 1))
        return -1;
    mean = -on_new * gain(JUDGE_MARGIN, true, share) -
           (1 - on_new) * gain(JUDGE_MARGIN, false, share);
    if (mean <= 0)
        return -1;
    return fmax(0, (log(alarm_at) - judge->fine) / mean);
}

/* --- text --- */

static void
put(char out[JUDGE_TEXT_MAX], double number)
{
    size_t length = strlen(out);
    char text[32];

    (void)snprintf(out + length, JUDGE_TEXT_MAX - length, "%s%s", length > 0 ? " " : "",
        number_write(number, text));
}

void
judge_write(const struct judge *judge, char out[JUDGE_TEXT_MAX])
{
    out[0] = '\0';
    for (size_t i = 0; i < JUDGE_RATIOS; i++)
        put(out, judge->worse[i]);
    put(out, judge->fine);
    for (size_t i = 0; i < 2; i++) {
        size_t length = strlen(out);

        (void)snprintf(out + length, JUDGE_TEXT_MAX - length, " %llu",
            (unsigned long long)judge->failures[i]);
    }
}

static bool
take_sum(struct span *text, double *sum)
{
    struct span word;

    return span_word(text, &word) && number_real(word, sum) && fabs(*sum) <= largest_sum;
}

static bool
take_count(struct span *text, uint64_t *count)
{
    struct span word;

    return span_word(text, &word) && number_unsigned(word, largest_count, count);
}

bool
judge_parse(struct span text, struct judge *judge)
{
    struct judge read = {0};
    bool good = true;

    for (size_t i = 0; i < JUDGE_RATIOS; i++)
        good = good && take_sum(&text, &read.worse[i]);
    good = good && take_sum(&text, &read.fine) &&
           take_count(&text, &read.failures[OLD]) &&
           take_count(&text, &read.failures[NEW]) && span_trim(text).length == 0;
    if (good)
        *judge = read;
    return good;
}

/* --- the last minutes --- */

static int64_t
minute_of(int64_t time_ms)
{
    return time_ms / minute_ms - (time_ms % minute_ms < 0 ? 1 : 0);
}

static uint64_t *
row(struct judge_watch *watch, int64_t minute)
{
    int64_t at = minute % JUDGE_MINUTES;

    return watch->attempts[at < 0 ? at + JUDGE_MINUTES : at];
}

/* The minute that it counts for; rows between it and the newest one are emptied. */
static int64_t
go_on(struct judge_watch *watch, int64_t time_ms)
{
    int64_t minute = minute_of(time_ms);

    if (!watch->began || minute < watch->minute - BACK_MINUTES ||
        minute - watch->minute >= JUDGE_MINUTES) {
        memset(watch->attempts, 0, sizeof(watch->attempts));
        watch->began = true;
        watch->minute = minute;
    }
    while (watch->minute < minute)
        memset(row(watch, ++watch->minute), 0, sizeof(watch->attempts[0]));
    return watch->minute;
}

static void
count_attempt(struct judge_watch *watch, int64_t minute, bool on_new)
{
    row(watch, minute)[on_new ? NEW : OLD]++;
}

/* What is the same in every reply of one cause: no word that has a digit, an address or a
 * host with its own in brackets in it, and no case. */
static uint64_t
cause_of(struct span text)
{
    char kept[CAUSE_MAX];
    size_t length = 0;
    struct span word;

    while (span_word(&text, &word)) {
        bool telling = span_find(word, '@') == SPAN_NONE;

        for (size_t i = 0; telling && i < word.length; i++)
            telling = !octet_is_digit(word.data[i]);
        if (!telling || length + word.length + 1 > sizeof(kept))
            continue;
        memcpy(kept + length, word.data, word.length);
        kept[length + word.length] = ' ';
        length += word.length + 1;
    }
    span_lower(kept, length);
    return hash_of(span_make(kept, length), (struct hash_key){0});
}

/* Whether it is the first of its cause in this minute. */
static bool
is_first(struct judge_watch *watch, uint64_t cause, int64_t minute)
{
    struct judge_cause *seen = &watch->causes[cause % JUDGE_CAUSES];

    if (seen->cause == cause && seen->minute == minute && seen->used)
        return false;
    *seen = (struct judge_cause){.cause = cause, .minute = minute, .used = true};
    return true;
}

void
judge_watch_delivered(struct judge_watch *watch, int64_t time_ms, bool on_new)
{
    count_attempt(watch, go_on(watch, time_ms), on_new);
}

static double
share_of(const struct judge_watch *watch)
{
    uint64_t old = 0;
    uint64_t new = 0;

    for (size_t i = 0; i < JUDGE_MINUTES; i++) {
        old += watch->attempts[i][OLD];
        new += watch->attempts[i][NEW];
    }
    return old + new == 0 ? -1 : (double)new / (double)(old + new);
}

void
judge_watch_failed(
    struct judge_watch *watch, int64_t time_ms, bool on_new, struct span cause)
{
    int64_t minute = go_on(watch, time_ms);

    count_attempt(watch, minute, on_new);
    if (is_first(watch, cause_of(cause), minute))
        judge_failure(&watch->judge, on_new, share_of(watch));
}

void
judge_watch_restart(struct judge_watch *watch)
{
    watch->judge = (struct judge){0};
    memset(watch->attempts, 0, sizeof(watch->attempts));
}

double
judge_watch_share(const struct judge_watch *watch, int64_t time_ms)
{
    struct judge_watch then = *watch;

    if (!then.began)
        return -1;
    (void)go_on(&then, time_ms);
    return share_of(&then);
}
