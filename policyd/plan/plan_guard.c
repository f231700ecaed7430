#include "policyd/plan/plan_guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/plan/plan_asked.h"
#include "policyd/plan/plan_guard_rows.h"
#include "shared/base/allocate.h"

enum {
    HOLD_MOST_MS = 5 * 60 * 1000, /* a pin waits no longer for answers about others */
    A_SECOND_MS = 1000,
};

#define SAYS_THE_SAME "new says the same to more than "
#define MORE_THAN_MAX ": more of those than max_misprovisioned"

struct guard {
    struct guard_rules rules;
    struct hash_key key;
    struct guard_rows rows;
    struct plan_asked asked;
    int64_t questions_ms[GUARD_A_SECOND]; /* the latest, a ring */
    uint64_t questions;
    int64_t unknown_until_ms[GUARD_UNKNOWN_PINS_MAX];
    size_t unknown_pins;    /* of ours */
    uint64_t unknown_known; /* of all controllers, as we were told */
    struct guard_counts counts;
    struct guard_finding refused_us;
};

static void
freeze(struct guard *guard)
{
    guard_rows_clear(&guard->rows);
    guard->counts.is_frozen = true;
}

/* --- life --- */

struct guard *
guard_new(const struct guard_rules *rules, struct hash_key key)
{
    struct guard *guard = allocate(sizeof(*guard));

    guard->rules = *rules;
    guard->key = key;
    guard->asked.most = GUARD_ASKED_MAX;
    guard->asked.keep_ms = (int64_t)GUARD_SECONDS_AGAIN * 1000;
    return guard;
}

void
guard_free(struct guard *guard)
{
    if (guard == NULL)
        return;
    guard_rows_clear(&guard->rows);
    plan_asked_clear(&guard->asked);
    free(guard);
}

void
guard_set_rules(struct guard *guard, const struct guard_rules *rules)
{
    guard->rules = *rules;
}

/* --- findings made --- */

static void
fill_finding(struct guard_finding *finding, enum guard_verdict verdict,
    const struct guard_row *row, const char *why)
{
    finding->verdict = verdict;
    (void)span_copy(
        span_of(row->recipient), finding->recipient, sizeof(finding->recipient));
    (void)span_copy(span_of(row->unit), finding->unit, sizeof(finding->unit));
    (void)snprintf(finding->why, sizeof(finding->why), "%s", why);
}

/* New refuses us? */
static void
judge_alike(struct guard *guard, const struct guard_row *row)
{
    struct plan_alike *alike = guard_rows_alike(&guard->rows, row);
    char why[400];

    if (plan_alike_judge(alike) != PLAN_ALIKE_US)
        return;
    (void)snprintf(why, sizeof(why),
        SAYS_THE_SAME "%d recipients within a minute, and old takes most of the %d asked "
                      "about; pins made of it before: %zu%s%s",
        PLAN_ALIKE, PLAN_ALIKE_ASKED, alike->pinned,
        alike->pinned > 0 ? ", the last " : "", alike->pinned > 0 ? alike->last_pin : "");
    fill_finding(&guard->refused_us, GUARD_REFUSED_US, row, why);
    freeze(guard);
}

/* --- refusals --- */

static void
add_row(struct guard *guard, int64_t now_ms, struct span recipient, struct span unit,
    struct span reply)
{
    uint64_t hash = hash_of(recipient, guard->key);
    struct guard_row *row = NULL;

    if (plan_asked_has(&guard->asked, hash, now_ms) || guard_rows_has(&guard->rows, hash))
        return;
    if (plan_asked_has_room(&guard->asked, now_ms))
        row = guard_rows_add(&guard->rows, now_ms,
            plan_alike_hash(reply, recipient, guard->key), recipient, unit);
    if (row == NULL) {
        guard->counts.dropped++;
        return;
    }
    row->hash = hash;
    plan_asked_note(&guard->asked, hash, now_ms);
    /* It may be the one too many. */
    judge_alike(guard, row);
}

void
guard_refused(struct guard *guard, int64_t now_ms, struct span recipient,
    struct span unit, struct span reply)
{
    guard->counts.refused++;
    if (guard->counts.is_frozen)
        return;
    if (recipient.length == 0 || recipient.length > GUARD_ADDRESS_MAX ||
        unit.length == 0 || unit.length > GUARD_ADDRESS_MAX ||
        span_has_control(recipient) || span_has_control(unit)) {
        guard->counts.dropped++;
        return;
    }
    add_row(guard, now_ms, recipient, unit, reply);
}

/* --- questions --- */

static int64_t
rate_wait_ms(const struct guard *guard, int64_t now_ms)
{
    int64_t first;

    if (guard->questions < GUARD_A_SECOND)
        return 0;
    first = guard->questions_ms[guard->questions % GUARD_A_SECOND];
    return now_ms >= first + A_SECOND_MS ? 0 : first + A_SECOND_MS - now_ms;
}

static bool
may_be_asked(struct guard *guard, const struct guard_row *row)
{
    return row->stage == GUARD_WAITS_OLD ||
           (row->stage == GUARD_WAITS_NEW &&
               guard_rows_alike(&guard->rows, row)->open < PLAN_ALIKE_ASKED);
}

bool
guard_next(struct guard *guard, int64_t now_ms, enum guard_side side,
    struct guard_question *question)
{
    enum guard_stage wanted = side == GUARD_ASK_NEW ? GUARD_WAITS_NEW : GUARD_WAITS_OLD;

    if (rate_wait_ms(guard, now_ms) > 0)
        return false;
    for (size_t i = 0; i < guard->rows.count; i++) {
        struct guard_row *row = &guard->rows.rows[i];

        if (row->stage != wanted || !may_be_asked(guard, row))
            continue;
        guard_rows_set(
            &guard->rows, row, side == GUARD_ASK_NEW ? GUARD_ASKED_NEW : GUARD_ASKED_OLD);
        guard->questions_ms[guard->questions++ % GUARD_A_SECOND] = now_ms;
        guard->counts.asked++;
        question->id = row->id;
        question->side = side;
        (void)span_copy(
            span_of(row->recipient), question->recipient, sizeof(question->recipient));
        return true;
    }
    return false;
}

/* --- answers --- */

static void
new_answered(struct guard *guard, struct guard_row *row, enum guard_answer answer)
{
    if (answer == GUARD_REFUSES && guard->rules.old_can_be_asked) {
        guard_rows_set(&guard->rows, row, GUARD_WAITS_OLD);
    } else if (answer == GUARD_REFUSES && guard->rules.old_is_final) {
        guard_rows_set(&guard->rows, row, GUARD_IS_UNKNOWN);
    } else {
        guard->counts.sender_refused += answer == GUARD_ACCEPTS;
        guard_rows_drop(&guard->rows, row);
    }
}

static void
old_answered(struct guard *guard, struct guard_row *row, enum guard_answer answer)
{
    if (answer != GUARD_SILENT) {
        plan_alike_answered(guard_rows_alike(&guard->rows, row), row->refused_ms,
            answer == GUARD_ACCEPTS);
        judge_alike(guard, row);
        if (guard->counts.is_frozen)
            return;
    }
    if (answer == GUARD_ACCEPTS)
        guard_rows_set(&guard->rows, row, GUARD_IS_HELD);
    else if (answer == GUARD_REFUSES && guard->rules.old_is_final)
        guard_rows_set(&guard->rows, row, GUARD_IS_UNKNOWN);
    else
        guard_rows_drop(&guard->rows, row);
}

void
guard_answered(struct guard *guard, uint64_t id, enum guard_answer answer)
{
    struct guard_row *row = guard_rows_find(&guard->rows, id);

    if (row == NULL)
        return;
    if (row->stage == GUARD_ASKED_NEW || row->stage == GUARD_ASKED_OLD)
        guard->counts.silent += answer == GUARD_SILENT;
    if (row->stage == GUARD_ASKED_NEW)
        new_answered(guard, row, answer);
    else if (row->stage == GUARD_ASKED_OLD)
        old_answered(guard, row, answer);
}

/* --- findings --- */

/* How long a pin is held back yet. */
static int64_t
hold_wait_ms(struct guard *guard, const struct guard_row *row, int64_t now_ms)
{
    const struct plan_alike *alike = guard_rows_alike(&guard->rows, row);
    int64_t age = now_ms - row->refused_ms;

    if (age < PLAN_ALIKE_MS)
        return PLAN_ALIKE_MS - age;
    /* Others are still asked about, and it may turn out that new refuses us. */
    if (plan_alike_judge(alike) == PLAN_ALIKE_NOT_YET && alike->rows > alike->held &&
        age < HOLD_MOST_MS)
        return HOLD_MOST_MS - age;
    return 0;
}

static void
forget_unknown(struct guard *guard, int64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < guard->unknown_pins; i++) {
        if (guard->unknown_until_ms[i] > now_ms)
            guard->unknown_until_ms[kept++] = guard->unknown_until_ms[i];
    }
    guard->unknown_pins = kept;
}

static uint64_t
all_unknown(const struct guard *guard)
{
    return guard->unknown_pins > guard->unknown_known ? guard->unknown_pins
                                                      : guard->unknown_known;
}

static bool
find_unknown(struct guard *guard, int64_t now_ms, struct guard_row *row,
    struct guard_finding *finding)
{
    bool fits = all_unknown(guard) < GUARD_UNKNOWN_PINS_MAX;

    if (fits) {
        guard->unknown_until_ms[guard->unknown_pins++] =
            now_ms + (int64_t)GUARD_UNKNOWN_PIN_SECONDS * 1000;
        fill_finding(finding, GUARD_PIN_UNKNOWN, row, "unknown on both");
    } else {
        guard->counts.dropped++;
    }
    guard_rows_drop(&guard->rows, row);
    return fits;
}

static void
find_pin(struct guard *guard, struct guard_row *row, struct guard_finding *finding)
{
    struct plan_alike *alike = guard_rows_alike(&guard->rows, row);
    char why[200];
    bool too_many;

    guard->counts.pins++;
    too_many = guard->counts.pins > guard->rules.max_misprovisioned;
    alike->pinned++;
    (void)span_copy(span_of(row->recipient), alike->last_pin, sizeof(alike->last_pin));
    (void)snprintf(why, sizeof(why), "new does not know it, old does%s",
        too_many ? MORE_THAN_MAX : "");
    fill_finding(finding, too_many ? GUARD_TOO_MANY : GUARD_PIN, row, why);
    guard_rows_drop(&guard->rows, row);
    if (too_many)
        freeze(guard);
}

bool
guard_find(struct guard *guard, int64_t now_ms, struct guard_finding *finding)
{
    if (guard->refused_us.verdict == GUARD_REFUSED_US) {
        *finding = guard->refused_us;
        guard->refused_us.verdict = GUARD_NOTHING;
        return true;
    }
    forget_unknown(guard, now_ms);
    for (size_t i = 0; i < guard->rows.count; i++) {
        struct guard_row *row = &guard->rows.rows[i];

        if (row->stage == GUARD_IS_UNKNOWN) {
            if (find_unknown(guard, now_ms, row, finding))
                return true;
            i--;
        } else if (row->stage == GUARD_IS_HELD && hold_wait_ms(guard, row, now_ms) == 0) {
            find_pin(guard, row, finding);
            return true;
        }
    }
    return false;
}

int64_t
guard_wait_ms(struct guard *guard, int64_t now_ms)
{
    int64_t least = guard->refused_us.verdict == GUARD_REFUSED_US ? 0 : -1;

    for (size_t i = 0; i < guard->rows.count; i++) {
        const struct guard_row *row = &guard->rows.rows[i];
        int64_t wait = -1;

        if (row->stage == GUARD_IS_UNKNOWN)
            wait = 0;
        else if (row->stage == GUARD_IS_HELD)
            wait = hold_wait_ms(guard, row, now_ms);
        else if (may_be_asked(guard, row))
            wait = rate_wait_ms(guard, now_ms);
        if (wait >= 0 && (least < 0 || wait < least))
            least = wait;
    }
    return least;
}

/* --- over runs and stops --- */

bool
guard_is_word(const char *why)
{
    return strncmp(why, SAYS_THE_SAME, strlen(SAYS_THE_SAME)) == 0 ||
           strstr(why, MORE_THAN_MAX) != NULL;
}

void
guard_know(struct guard *guard, uint64_t pins, uint64_t unknown_pins)
{
    if (guard->counts.pins < pins)
        guard->counts.pins = pins;
    guard->unknown_known = unknown_pins;
}

void
guard_forget_waiting(struct guard *guard)
{
    guard_rows_clear(&guard->rows);
    plan_asked_clear(&guard->asked);
    memset(guard->rows.alikes, 0, sizeof(guard->rows.alikes));
    guard->refused_us.verdict = GUARD_NOTHING;
}

void
guard_restart(struct guard *guard)
{
    guard_forget_waiting(guard);
    guard->counts = (struct guard_counts){.refused = 0};
}

void
guard_counts(const struct guard *guard, struct guard_counts *counts)
{
    *counts = guard->counts;
    counts->unknown_pins = all_unknown(guard);
    counts->waiting = guard->rows.count;
}
