/*
 * guards - the misprovision guard of each domain that has mail on new, with a plan or
 * without one: asks (callout.h), pins (pinnings.h), stops the plan.
 *
 * Asks whatever the plan's state is, also while a person has paused it, for mail whose
 * route is new.  Only where it found that new refuses us, or too many mailboxes missing,
 * no question is asked any more: until a person's `resume` (or a new start) of the plan;
 * without a plan that could be stopped, for GUARDS_QUIET_S.  A freeze by the guard of
 * another gateway, or before our start, counts too: by the plan's `why`.
 *
 * How many were pinned, over all controllers and former runs, is read from Redis: those
 * since the plan's stage began, or was resumed, count towards `max_misprovisioned`.  Of
 * domains without a plan it is asked in turn, GUARDS_LOOKED_FOR a second, those on new
 * alone, so that pins of a former run are shown some time after a start.
 */
#ifndef POLICYD_CUTOVER_GUARDS_H
#define POLICYD_CUTOVER_GUARDS_H

#include "policyd/cutover/plan_context.h"
#include "policyd/cutover/refusals.h"

struct guards;
struct smtp_tls;

enum {
    GUARDS_QUIET_S = 600,
    GUARDS_LOOKED_FOR = 20,
    GUARDS_PASS_S = 60, /* between two turns */
};

struct guards *guards_new(const struct plan_context *context, struct smtp_tls *tls,
    const struct plan_owner *owner);
void guards_free(struct guards *guards); /* after the store */

/* Before plans are decided, once a second. */
void guards_look(struct guards *guards, int64_t now);

/* New said 5xx to RCPT of one whose route is new. */
void guards_refused(struct guards *guards, const struct refusal *refusal);

/* Why everything should stop; "": it should not. */
const char *guards_stopped(const struct guards *guards, const char *domain);

/* How many are pinned now.  False: not known yet. */
struct guards_pinned {
    uint64_t known;   /* by old, for a week */
    uint64_t unknown; /* on both sides, for an hour */
};
bool guards_pinned(
    const struct guards *guards, const char *domain, struct guards_pinned *pinned);

/* Gauges of all that are known. */
void guards_measure(const struct guards *guards);

#endif
