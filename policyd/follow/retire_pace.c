#include "policyd/follow/retire_pace.h"

#include "policyd/books/books_retire.h"

enum {
    LOOK_MS = 60000, /* where nothing was old */
    REST = 4,        /* times what a turn took */
    LATE_MS = 10000,
    TOO_LARGE_MS = 1000,
    TURN_MS = 200,
    STEP_MS = 100, /* at most: half as many rows then */
};

bool
retire_pace_is_due(const struct retire_pace *pace, uint64_t now_ms, bool is_all_read)
{
    return now_ms >= (is_all_read ? pace->next_ms : pace->late_ms);
}

/* On a slow disk a step is a small one. */
static unsigned
rows_after(unsigned rows, uint64_t took_ms)
{
    if (took_ms > STEP_MS && rows > BOOKS_RETIRE_ROWS_MIN)
        return rows / 2;
    if (took_ms < STEP_MS / 2)
        return rows < BOOKS_RETIRE_ROWS_MAX / 2 ? rows * 2 : BOOKS_RETIRE_ROWS_MAX;
    return rows;
}

bool
retire_pace_goes_on(
    struct retire_pace *pace, const struct retire_turn *turn, uint64_t took_ms)
{
    pace->rows = rows_after(pace->rows, took_ms);
    return turn->has_more && turn->is_all_read && turn->now_ms < turn->began_ms + TURN_MS;
}

void
retire_pace_rest(struct retire_pace *pace, const struct retire_turn *turn)
{
    uint64_t rest = turn->has_more ? REST * (turn->now_ms - turn->began_ms) : LOOK_MS;
    uint64_t late = turn->is_too_large ? TOO_LARGE_MS : LATE_MS;

    pace->next_ms = turn->now_ms + rest;
    pace->late_ms = turn->now_ms + (rest > late ? rest : late);
}
