/*
 * edits - what somebody changed in Redis by hand (redis-cli) as an event, `who=redis`,
 * once over all controllers.
 *
 * Each change that the replica tells is held until its domain has been quiet for
 * EDITS_QUIET_MS, and is then written by one script that looks at the newest events
 * first: our own writers have put theirs beside the change (a domain's by its `rev`; of a
 * pin, unit or list member by its name, or that of a bulk, which has none), another
 * controller may have been first.  What is back where it was is no edit.  Of more than
 * EDITS_EACH pins, units or members of a domain at a time it is one event with their
 * number.
 *
 * What differs after all was read anew (Redis or we were away) is told for domains by the
 * replica, for pins and units by what the books had (missed_inputs.h); our own writers'
 * events since then go before.  Members are told live alone.
 *
 * Limits: an edit of a domain within two seconds of one by our own writers goes with that
 * one's event, and one of a pin, unit or member within seven seconds of a bulk or an
 * `erase` with theirs; a bulk of minutes is told about each 20 s; clocks of
 * Redis and of a controller may be five seconds apart; at most 1,000 events
 * back are looked at.
 */
#ifndef POLICYD_CUTOVER_EDITS_H
#define POLICYD_CUTOVER_EDITS_H

#include "policyd/cutover/plan_context.h"
#include "policyd/replica/replica_orders.h"

struct edits;

enum { EDITS_QUIET_MS = 1500, EDITS_LONGEST_MS = 10000, EDITS_EACH = 20 };

struct edits *edits_new(const struct plan_context *context);
void edits_free(struct edits *edits); /* what waits is forgotten */

/* Each change that the replica tells; `replica`: the one that answered before it. */
void edits_change(struct edits *edits, const struct replica *replica,
    const struct replica_change *change);

/* A pin or unit that is another one than it was at that time (unix milliseconds). */
void edits_missed(
    struct edits *edits, const struct replica_change *change, int64_t since_ms);

/* Twice a second: what is due is written. */
void edits_tick(struct edits *edits);

#endif
