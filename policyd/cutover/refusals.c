#include "policyd/cutover/refusals.h"

#include <stdlib.h>

#include "policyd/books/books_message.h"
#include "shared/base/allocate.h"

void
refusals_note(
    struct refusals *refusals, const struct books_attempt *attempt, struct span unit)
{
    if (!books_attempt_is_refusal(attempt) || attempt->domain.length == 0 ||
        unit.length == 0 || refusals->count == REFUSALS_MAX)
        return;
    refusals->rows = allocate_more(
        refusals->rows, refusals->count, &refusals->room, sizeof(*refusals->rows));
    refusals->rows[refusals->count++] = (struct refusal){
        .time_ms = attempt->time_ms,
        .domain = allocate_text(attempt->domain),
        .recipient = allocate_text(attempt->recipient),
        .unit = allocate_text(unit),
        .reply = allocate_text(span_first(attempt->reply, BOOKS_TEXT_MAX)),
        .queue_id = allocate_text(attempt->queue_id),
    };
}

void
refusals_hand_over(struct refusals *refusals, int64_t now_ms,
    void (*take)(void *argument, const struct refusal *refusal), void *argument)
{
    for (size_t i = 0; i < refusals->count; i++) {
        if (refusals->rows[i].time_ms > now_ms - REFUSALS_OLD_MS)
            take(argument, &refusals->rows[i]);
    }
    refusals_forget(refusals);
}

void
refusals_forget(struct refusals *refusals)
{
    for (size_t i = 0; i < refusals->count; i++) {
        free(refusals->rows[i].domain);
        free(refusals->rows[i].recipient);
        free(refusals->rows[i].unit);
        free(refusals->rows[i].reply);
        free(refusals->rows[i].queue_id);
    }
    refusals->count = 0;
}

void
refusals_clear(struct refusals *refusals)
{
    refusals_forget(refusals);
    free(refusals->rows);
    *refusals = (struct refusals){.count = 0};
}
