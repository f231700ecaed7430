#include "policyd/follow/retire_turn.h"

#include <time.h>

#include "shared/service/clock.h"

bool
retire_turn_run(struct retire_turn *turn, struct retire_pace *pace, struct books *books,
    const struct books_keeping *keeping, int64_t last_line_ms, struct error *error)
{
    int64_t now_ms = (int64_t)time(NULL) * 1000;
    uint64_t began_ms;

    /* The log's own time counts, so that one that was fed late is kept, too. */
    if (now_ms > last_line_ms)
        now_ms = last_line_ms;
    do {
        began_ms = clock_now_ms();
        if (!books_retire(books, keeping, now_ms, pace->rows, &turn->has_more, error))
            return false;
        turn->now_ms = clock_now_ms();
    } while (retire_pace_goes_on(pace, turn, turn->now_ms - began_ms));
    return books_is_too_large(books, keeping, &turn->is_too_large, error);
}
