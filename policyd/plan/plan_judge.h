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
 *
 * Limits: a share that jumps far and more often than every half hour, other than by a
 * transition, is told wrong half of the time, and false alarms are then up to twice as
 * many.
 */
#ifndef POLICYD_PLAN_PLAN_JUDGE_H
#define POLICYD_PLAN_PLAN_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/span.h"

enum {
    JUDGE_RATIOS = 11,
    JUDGE_MARGIN = 2, /* "fine": less than so many times old's failures */
    JUDGE_TEXT_MAX = 400,
};

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

/* e-values; alarm at 20.  What is too large for a number is the largest told. */
double judge_worse(const struct judge *judge);
double judge_fine(const struct judge *judge);
enum judge_answer judge_answer(const struct judge *judge); /* worse goes before fine */

/* How many more failures until it says fine, if of all failures `on_new` (0..1) go on
 * being new's; -1: never, or nothing to go by. */
double judge_failures_to_fine(const struct judge *judge, double share, double on_new);

/* As text, for Redis: numbers by blanks; false: no such text, and *judge as it was. */
void judge_write(const struct judge *judge, char out[JUDGE_TEXT_MAX]);
bool judge_parse(struct span text, struct judge *judge);

/* What is remembered of the last minutes.  Times are unix milliseconds, nearly in order:
 * what is older than what was seen counts as of the same moment; what is an hour older
 * tells that the clock was set, and the share begins anew. */
enum { JUDGE_MINUTES = 15, JUDGE_CAUSES = 256 };

struct judge_cause {
    uint64_t cause; /* a hash */
    int64_t minute;
    bool used;
};

struct judge_watch {
    struct judge judge;
    uint64_t attempts[JUDGE_MINUTES][2]; /* first ones, accepted or failed, old and new */
    int64_t minute;                      /* of the newest row */
    bool began;
    struct judge_cause causes[JUDGE_CAUSES]; /* by hash; who is thrown out counts again */
};

/* A first attempt that was accepted. */
void judge_watch_delivered(struct judge_watch *watch, int64_t time_ms, bool on_new);

/*
 * One that failed.  It has its part in the share, before it is judged by that: so with
 * both sides equal its side is one drawn from all attempts, and few deliveries raise no
 * more false alarms than many.  `cause` is what is said about it; words of it with digits
 * or an address make no difference.
 */
void judge_watch_failed(
    struct judge_watch *watch, int64_t time_ms, bool on_new, struct span cause);

/* A transition, or an edit of the weight by hand: what was learnt is forgotten, and the
 * share, which is another one from now on. */
void judge_watch_restart(struct judge_watch *watch);

/* New's share of the last 15 minutes; -1 without deliveries. */
double judge_watch_share(const struct judge_watch *watch, int64_t time_ms);

#endif
