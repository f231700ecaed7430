/*
 * plan_judge - is new worse than old, right now?  An always-valid sequential test over
 * failures: it may be looked at after each, and raises at most 5 % false alarms.  Pure.
 *
 * Given a failure: was it new's?  With both sides equal that has probability s, new's
 * share of deliveries in the 15 minutes before.  If new fails r times as often it is
 * t(r) = s r / (s r + 1 - s).  Likelihood ratios are kept as logarithms, so they add up:
 * several gateways each keep one, and their sum is the test over all.
 *
 * Failures of one outage are one event: of one cause the first of a minute counts,
 * whichever side had it.  Outside shares of 0.02 to 0.98 nothing is learnt.
 */
#ifndef POLICYD_PLAN_PLAN_JUDGE_H
#define POLICYD_PLAN_PLAN_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/span.h"

enum { JUDGE_RATIOS = 11, JUDGE_TEXT_MAX = 400 };

/* Zeroed: nothing learnt yet. */
struct judge {
    double worse[JUDGE_RATIOS]; /* log likelihood ratios for r = 1.25 ... 32 */
    double fine;                /* against twice as bad */
    uint64_t failures[2];       /* that counted, old and new */
};

enum judge_answer {
    JUDGE_NOT_YET,
    JUDGE_WORSE,
    JUDGE_FINE, /* less than twice old's failures */
};

void judge_failure(struct judge *judge, bool on_new, double share);
void judge_add(struct judge *sum, const struct judge *other);
double judge_worse(const struct judge *judge); /* e-values; alarm at 20 */
double judge_fine(const struct judge *judge);
enum judge_answer judge_answer(const struct judge *judge); /* worse goes before fine */

/* As text, for Redis: numbers by blanks; false: no such text. */
void judge_write(const struct judge *judge, char out[JUDGE_TEXT_MAX]);
bool judge_parse(struct span text, struct judge *judge);

/* What is remembered of the last minutes.  Times are unix milliseconds, nearly in order:
 * what is older than what was seen counts as of the same moment. */
enum { JUDGE_MINUTES = 15, JUDGE_CAUSES = 256 };

struct judge_watch {
    struct judge judge;
    uint64_t deliveries[JUDGE_MINUTES][2]; /* first attempts accepted, old and new */
    int64_t minute;                        /* of the newest row */
    struct {
        uint64_t cause;
        int64_t minute;
    } causes[JUDGE_CAUSES]; /* a table by hash; who is thrown out counts again */
};

void judge_watch_delivered(struct judge_watch *watch, int64_t time_ms, bool on_new);

/* `cause` is what is said about it; digits and addresses in it make no difference. */
void judge_watch_failed(
    struct judge_watch *watch, int64_t time_ms, bool on_new, struct span cause);

/* A transition: what was learnt is forgotten, deliveries are not. */
void judge_watch_restart(struct judge_watch *watch);

/* New's share of the last 15 minutes; -1 without deliveries. */
double judge_watch_share(const struct judge_watch *watch, int64_t time_ms);

#endif
