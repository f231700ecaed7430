/*
 * retire_turn - some steps of retention, as many as its pace allows.
 */
#ifndef POLICYD_FOLLOW_RETIRE_TURN_H
#define POLICYD_FOLLOW_RETIRE_TURN_H

#include "policyd/books/books_retire.h"
#include "policyd/follow/retire_pace.h"

/* `turn` has its beginning, and whether all was read. */
bool retire_turn_run(struct retire_turn *turn, struct retire_pace *pace,
    struct books *books, const struct books_keeping *keeping, int64_t last_line_ms,
    struct error *error);

#endif
