/*
 * plan_guard - mailboxes that new does not know: whom to ask, and what follows.  Pure:
 * time and answers are given.
 *
 * Every 5xx said to RCPT by new is asked about: first new again with the null sender (it
 * accepts: the sender was refused), then old (it accepts: the unit is pinned to old for
 * seven days, its mail flushed).  Where both refuse, the unit is pinned to old for an
 * hour (at most 1,000 such pins at a time): old's word is final until 100.  Where old is
 * the site's own and can't be asked, the same.  An address once an hour, at most five
 * questions a second.
 *
 * The same reply, addresses taken out, to more than twenty recipients within a minute, of
 * whom old accepts more than half of the first ten asked: new refuses us; freeze, no
 * further questions, no pins (those of that reply that were made are named).
 */
#ifndef POLICYD_PLAN_PLAN_GUARD_H
#define POLICYD_PLAN_PLAN_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/span.h"

struct guard;

enum {
    GUARD_ADDRESS_MAX = 1024,
    GUARD_QUEUE_MAX = 10000, /* refusals that wait for their question; more are dropped
                                and counted: they come again with the next attempt */
    GUARD_SECONDS_AGAIN = 3600,
    GUARD_A_SECOND = 5,
    GUARD_ALIKE = 20,
    GUARD_ALIKE_ASKED = 10,
    GUARD_UNKNOWN_PINS_MAX = 1000,
    GUARD_PIN_SECONDS = 7 * 86400,
    GUARD_UNKNOWN_PIN_SECONDS = 3600,
};

struct guard *guard_new(bool old_can_be_asked, uint64_t max_misprovisioned);
void guard_free(struct guard *guard);

/* A recipient that new refused; `reply` is all that was said. */
void guard_refused(struct guard *guard, int64_t now_ms, struct span recipient,
    struct span unit, struct span reply);

enum guard_side { GUARD_ASK_NEW, GUARD_ASK_OLD };

struct guard_question {
    uint64_t id;
    enum guard_side side;
    char recipient[GUARD_ADDRESS_MAX + 1];
};

/* The next question to ask, if one is due. */
bool guard_next(struct guard *guard, int64_t now_ms, struct guard_question *question);

enum guard_answer {
    GUARD_ACCEPTS,
    GUARD_REFUSES, /* 5xx to RCPT */
    GUARD_SILENT,  /* 4xx, greylisting, no connection: nothing is learnt */
};

enum guard_verdict {
    GUARD_NOTHING,
    GUARD_PIN,         /* old knows it: to old for GUARD_PIN_SECONDS */
    GUARD_PIN_UNKNOWN, /* both refuse: to old for GUARD_UNKNOWN_PIN_SECONDS */
    GUARD_REFUSED_US,  /* freeze; questions have ended */
    GUARD_TOO_MANY,    /* more than max_misprovisioned pins: pin this one, and freeze */
};

struct guard_finding {
    enum guard_verdict verdict;
    char recipient[GUARD_ADDRESS_MAX + 1];
    char unit[GUARD_ADDRESS_MAX + 1];
    char why[200];
};

void guard_answered(struct guard *guard, int64_t now_ms, uint64_t id,
    enum guard_answer answer, struct guard_finding *finding);

/* After a person's `resume`: questions are asked again, counts begin anew. */
void guard_restart(struct guard *guard);

uint64_t guard_pins(const struct guard *guard); /* since the start, of the first kind */
bool guard_is_frozen(const struct guard *guard);

#endif
