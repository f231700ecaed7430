#include "policyd/plan/plan_guard_rows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"

static struct plan_alike *
find_alike(struct guard_rows *rows, uint64_t hash)
{
    for (size_t i = 0; i < GUARD_REPLIES_MAX; i++) {
        if (rows->alikes[i].hash == hash)
            return &rows->alikes[i];
    }
    return NULL;
}

/* Where nobody waits, the one unheard for longest. */
static struct plan_alike *
oldest_alike(struct guard_rows *rows)
{
    struct plan_alike *oldest = NULL;

    for (size_t i = 0; i < GUARD_REPLIES_MAX; i++) {
        struct plan_alike *alike = &rows->alikes[i];

        if (alike->rows == 0 && (oldest == NULL || alike->heard_ms < oldest->heard_ms))
            oldest = alike;
    }
    return oldest;
}

static struct plan_alike *
take_alike(struct guard_rows *rows, uint64_t hash)
{
    struct plan_alike *found = find_alike(rows, hash);

    if (found == NULL)
        found = find_alike(rows, 0);
    if (found == NULL)
        found = oldest_alike(rows);
    if (found != NULL && found->hash != hash)
        *found = (struct plan_alike){.hash = hash};
    return found;
}

struct plan_alike *
guard_rows_alike(struct guard_rows *rows, const struct guard_row *row)
{
    struct plan_alike *alike = find_alike(rows, row->alike);

    assert(alike != NULL);
    return alike;
}

static bool
is_open(enum guard_stage stage)
{
    return stage != GUARD_WAITS_NEW && stage != GUARD_IS_UNKNOWN;
}

void
guard_rows_set(struct guard_rows *rows, struct guard_row *row, enum guard_stage stage)
{
    struct plan_alike *alike = guard_rows_alike(rows, row);

    alike->open -= is_open(row->stage);
    alike->held -= row->stage == GUARD_IS_HELD;
    alike->open += is_open(stage);
    alike->held += stage == GUARD_IS_HELD;
    row->stage = stage;
}

void
guard_rows_drop(struct guard_rows *rows, struct guard_row *row)
{
    size_t place = (size_t)(row - rows->rows);

    guard_rows_set(rows, row, GUARD_WAITS_NEW);
    guard_rows_alike(rows, row)->rows--;
    free(row->recipient);
    free(row->unit);
    rows->count--;
    memmove(row, row + 1, (rows->count - place) * sizeof(*row));
}

void
guard_rows_clear(struct guard_rows *rows)
{
    while (rows->count > 0)
        guard_rows_drop(rows, &rows->rows[rows->count - 1]);
    free(rows->rows);
    rows->rows = NULL;
    rows->room = 0;
}

bool
guard_rows_has(const struct guard_rows *rows, uint64_t hash)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->rows[i].hash == hash)
            return true;
    }
    return false;
}

struct guard_row *
guard_rows_find(struct guard_rows *rows, uint64_t id)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->rows[i].id == id)
            return &rows->rows[i];
    }
    return NULL;
}

struct guard_row *
guard_rows_add(struct guard_rows *rows, int64_t now_ms, uint64_t alike_hash,
    struct span recipient, struct span unit)
{
    struct plan_alike *alike =
        rows->count == GUARD_QUEUE_MAX ? NULL : take_alike(rows, alike_hash);
    struct guard_row *row;

    if (alike == NULL)
        return NULL;
    plan_alike_refused(alike, now_ms);
    alike->rows++;
    rows->rows = allocate_more(rows->rows, rows->count, &rows->room, sizeof(*rows->rows));
    row = &rows->rows[rows->count++];
    *row = (struct guard_row){
        .id = ++rows->last_id,
        .stage = GUARD_WAITS_NEW,
        .refused_ms = now_ms,
        .alike = alike_hash,
        .recipient = allocate_text(recipient),
        .unit = allocate_text(unit),
    };
    return row;
}
