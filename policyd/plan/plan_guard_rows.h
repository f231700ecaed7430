/*
 * plan_guard_rows - the recipients that the guard is busy with, in the order in which
 * they came, and what kinds of replies refused them: inside plan_guard.
 */
#ifndef POLICYD_PLAN_PLAN_GUARD_ROWS_H
#define POLICYD_PLAN_PLAN_GUARD_ROWS_H

#include "policyd/plan/plan_alike.h"
#include "policyd/plan/plan_guard.h"

enum guard_stage {
    GUARD_WAITS_NEW, /* for its question to new */
    GUARD_ASKED_NEW,
    GUARD_WAITS_OLD,
    GUARD_ASKED_OLD,
    GUARD_IS_HELD,    /* old knows it: a pin, when its minute is over */
    GUARD_IS_UNKNOWN, /* both refuse: a finding */
};

struct guard_row {
    uint64_t id;
    uint64_t hash; /* of the recipient */
    enum guard_stage stage;
    int64_t refused_ms;
    uint64_t alike; /* the kind of reply, by its hash */
    char *recipient;
    char *unit;
};

struct guard_rows {
    struct guard_row *rows;
    size_t count;
    size_t room;
    uint64_t last_id;
    struct plan_alike alikes[GUARD_REPLIES_MAX];
};

void guard_rows_clear(struct guard_rows *rows); /* kinds of replies are remembered */

bool guard_rows_has(const struct guard_rows *rows, uint64_t hash);

/* NULL: no such id. */
struct guard_row *guard_rows_find(struct guard_rows *rows, uint64_t id);

/* NULL: no room, of recipients or of kinds of replies that somebody waits for. */
struct guard_row *guard_rows_add(struct guard_rows *rows, int64_t now_ms, uint64_t alike,
    struct span recipient, struct span unit);

/* The others move up. */
void guard_rows_drop(struct guard_rows *rows, struct guard_row *row);

void guard_rows_set(
    struct guard_rows *rows, struct guard_row *row, enum guard_stage stage);

struct plan_alike *guard_rows_alike(struct guard_rows *rows, const struct guard_row *row);

#endif
