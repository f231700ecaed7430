/*
 * retire_pace - when retention has its next turn, and how large its steps may be.  Pure.
 *
 * Intake goes first: there is a turn of some steps while all that is in the log has been
 * read, and then a rest four times as long as it took.  While there is more to read it
 * waits, yet not for ever: ten seconds after the last turn, or one where the books are
 * larger than they may be, a single step comes all the same.
 *
 * Times are of clock_now_ms.
 */
#ifndef POLICYD_FOLLOW_RETIRE_PACE_H
#define POLICYD_FOLLOW_RETIRE_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroes but for `rows` to begin with: a turn is due. */
struct retire_pace {
    uint64_t next_ms; /* no turn before */
    uint64_t late_ms; /* from then on even while there is more to read */
    unsigned rows;    /* of the next step */
};

struct retire_turn {
    uint64_t began_ms;
    uint64_t now_ms;
    bool is_all_read;  /* of the log */
    bool has_more;     /* there is more that is old */
    bool is_too_large; /* the books are larger than they may be */
};

bool retire_pace_is_due(
    const struct retire_pace *pace, uint64_t now_ms, bool is_all_read);

/* After each step: whether another one comes in this turn. */
bool retire_pace_goes_on(
    struct retire_pace *pace, const struct retire_turn *turn, uint64_t took_ms);

/* After the turn. */
void retire_pace_rest(struct retire_pace *pace, const struct retire_turn *turn);

#endif
