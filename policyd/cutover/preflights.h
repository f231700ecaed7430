/*
 * preflights - `postshiftctl preflight` run for plans: the blocking checks before a stage
 * advances, all of them once a day.
 *
 * A child of ours, one at a time, with PREFLIGHTS_LIMIT_MS; of all gateways one looks at
 * a domain at a time (a claim in Redis, as hooks have).  What it finds is kept in Redis
 * (--save), where every gateway reads it (plan_preflight.h); one that was ended, or could
 * not be run, keeps nothing, and is one line.
 */
#ifndef POLICYD_CUTOVER_PREFLIGHTS_H
#define POLICYD_CUTOVER_PREFLIGHTS_H

#include "policyd/cutover/plan_context.h"
#include "policyd/plan/plan_preflight.h"

struct preflights;

enum {
    /* Three tries over 30 s of who does not answer; and movers, who are asked five a
     * second. */
    PREFLIGHTS_LIMIT_MS = 10 * 60 * 1000,
    PREFLIGHTS_CLAIM_S = 90, /* renewed while it runs */
};

struct preflights *preflights_new(const struct plan_context *context);
void preflights_free(struct preflights *preflights); /* ends it */

/* At each look at a plan: what is due.  Nothing, where one runs. */
void preflights_want(
    struct preflights *preflights, const char *domain, enum plan_preflight_due due);

/* Since when one of this gateway runs for the domain, unix time; 0: none. */
int64_t preflights_since(const struct preflights *preflights, const char *domain);

#endif
