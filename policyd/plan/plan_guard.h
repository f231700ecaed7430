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
 * further questions, no pins (those of that reply that were made are named).  So that
 * none is made too early, a pin is held back until the minute after its refusal is over,
 * and of one reply at most ten recipients are asked about or held back at a time: ten
 * answers, twenty questions, then it is known.
 *
 * Memory is bounded: what waits, what was asked within the hour, replies.  What finds no
 * room is dropped and counted: it comes again with the next attempt.
 */
#ifndef POLICYD_PLAN_PLAN_GUARD_H
#define POLICYD_PLAN_PLAN_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/hash.h"
#include "shared/base/span.h"

struct guard;

enum {
    GUARD_ADDRESS_MAX = 1024,
    GUARD_QUEUE_MAX = 10000, /* refusals that wait for an answer or their minute */
    GUARD_ASKED_MAX = 30000, /* addresses of the last hour */
    GUARD_REPLIES_MAX = 64,  /* kinds of replies; the one unheard for longest gives way */
    GUARD_SECONDS_AGAIN = 3600,
    GUARD_A_SECOND = 5,
    GUARD_UNKNOWN_PINS_MAX = 1000,
    GUARD_PIN_SECONDS = 7 * 86400,
    GUARD_UNKNOWN_PIN_SECONDS = 3600,
};

struct guard_rules {
    bool old_can_be_asked; /* false: old is the site's own */
    bool old_is_final;     /* below 100: what both refuse goes to old */
    uint64_t max_misprovisioned;
};

/* The key is random: who chooses addresses can't choose what meets. */
struct guard *guard_new(const struct guard_rules *rules, struct hash_key key);
void guard_free(struct guard *guard);
void guard_set_rules(struct guard *guard, const struct guard_rules *rules);

/* A recipient that new refused; `reply` is all that was said. */
void guard_refused(struct guard *guard, int64_t now_ms, struct span recipient,
    struct span unit, struct span reply);

enum guard_side { GUARD_ASK_NEW, GUARD_ASK_OLD, GUARD_SIDES };

struct guard_question {
    uint64_t id;
    enum guard_side side;
    char recipient[GUARD_ADDRESS_MAX + 1];
};

/* The next question to that side, if one is due.  It is answered later, by its id. */
bool guard_next(struct guard *guard, int64_t now_ms, enum guard_side side,
    struct guard_question *question);

enum guard_answer {
    GUARD_ACCEPTS,
    GUARD_REFUSES, /* 5xx to RCPT */
    GUARD_SILENT,  /* 4xx, greylisting, no connection: nothing is learnt */
};

/* An id that is not known (any more) changes nothing. */
void guard_answered(struct guard *guard, uint64_t id, enum guard_answer answer);

enum guard_verdict {
    GUARD_NOTHING,
    GUARD_PIN,         /* old knows it: to old for GUARD_PIN_SECONDS */
    GUARD_PIN_UNKNOWN, /* both refuse: to old for GUARD_UNKNOWN_PIN_SECONDS */
    GUARD_REFUSED_US,  /* freeze; questions have ended */
    GUARD_TOO_MANY,    /* more than max_misprovisioned pins: pin this one, and freeze */
};

struct guard_finding {
    enum guard_verdict verdict;
    char recipient[GUARD_ADDRESS_MAX + 1]; /* of GUARD_REFUSED_US: one of them */
    char unit[GUARD_ADDRESS_MAX + 1];
    char why[400];
};

/* The next finding that is due; ask until there is none. */
bool guard_find(struct guard *guard, int64_t now_ms, struct guard_finding *finding);

/* How long until a question or a finding may be due; -1: nothing waits but for answers.
 */
int64_t guard_wait_ms(struct guard *guard, int64_t now_ms);

/* So many pins there are by the word of Redis, of all controllers and former runs: they
 * count, the first kind until guard_restart. */
void guard_know(struct guard *guard, uint64_t pins, uint64_t unknown_pins);

/* After a person's `resume`: questions are asked again, counts begin anew (but pins of
 * what both refuse, which are still there). */
void guard_restart(struct guard *guard);

/* Nothing is asked for a while: what waits is forgotten, and may be asked about when it
 * comes again. */
void guard_forget_waiting(struct guard *guard);

/* Why everything should stop is of the guard: REFUSED_US or TOO_MANY. */
bool guard_is_word(const char *why);

struct guard_counts {
    uint64_t refused;        /* told to the guard */
    uint64_t asked;          /* questions, both sides */
    uint64_t pins;           /* since the start, of the first kind */
    uint64_t unknown_pins;   /* the second kind, now */
    uint64_t sender_refused; /* new takes the null sender */
    uint64_t silent;         /* answers that taught nothing */
    uint64_t dropped;        /* no room */
    size_t waiting;
    bool is_frozen; /* questions have ended */
};

void guard_counts(const struct guard *guard, struct guard_counts *counts);

#endif
