#include "policyd/cutover/plan_judges.h"

#include <stdlib.h>

#include "shared/base/allocate.h"

void
plan_hearing_note(struct plan_hearing *hearing, const struct books_attempt *attempt)
{
    bool on_new = attempt->backend == BACKEND_NEW;
    bool has_failed = attempt->outcome == OUTCOME_FAIL;
    struct plan_heard *heard;

    if (!attempt->is_first || attempt->domain.length == 0 ||
        (!on_new && attempt->backend != BACKEND_OLD) ||
        (!has_failed && attempt->outcome != OUTCOME_OK) ||
        hearing->count == PLAN_HEARD_MAX)
        return;
    hearing->rows = allocate_more(
        hearing->rows, hearing->count, &hearing->room, sizeof(*hearing->rows));
    heard = &hearing->rows[hearing->count++];
    *heard = (struct plan_heard){.time_ms = attempt->time_ms,
        .on_new = on_new,
        .has_failed = has_failed,
        .delay_ms = attempt->delay_ms};
    (void)span_copy(attempt->domain, heard->domain, sizeof(heard->domain));
    if (has_failed)
        (void)span_copy(span_first(attempt->reply, PLAN_CAUSE_MAX - 1), heard->cause,
            sizeof(heard->cause));
}

void
plan_hearing_clear(struct plan_hearing *hearing)
{
    free(hearing->rows);
    *hearing = (struct plan_hearing){.count = 0};
}

void
plan_judges_begin(struct plan_judges *judges, int64_t since, const struct judge *failures,
    const struct judge *slow)
{
    judge_watch_restart(&judges->failures);
    judge_watch_restart(&judges->slow);
    if (failures != NULL && slow != NULL) {
        judges->failures.judge = *failures;
        judges->slow.judge = *slow;
    }
    judges->since = since;
    judges->is_changed = true;
}

void
plan_judges_hear(
    struct plan_judges *judges, const struct plan_heard *heard, uint64_t max_delay_ms)
{
    if (heard->has_failed) {
        judge_watch_failed(
            &judges->failures, heard->time_ms, heard->on_new, span_of(heard->cause));
        judges->is_changed = true;
        return;
    }
    judge_watch_delivered(&judges->failures, heard->time_ms, heard->on_new);
    judge_watch_delivered(&judges->slow, heard->time_ms, heard->on_new);
    if (max_delay_ms > 0 && heard->delay_ms > max_delay_ms) {
        judge_watch_failed(&judges->slow, heard->time_ms, heard->on_new, SPAN("slow"));
        judges->is_changed = true;
    }
}
