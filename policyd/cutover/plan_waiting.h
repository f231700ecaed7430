/*
 * plan_waiting - how much of a plan's domain waits here, for which side: by the books,
 * now and then.
 *
 * Whom no backend was asked for yet (held, throttled) waits for the one that his route
 * names now.
 *
 * Limits: of more than PLAN_UNTRIED_MAX such the rest is counted to no side.
 */
#ifndef POLICYD_CUTOVER_PLAN_WAITING_H
#define POLICYD_CUTOVER_PLAN_WAITING_H

#include "policyd/cutover/plan_run.h"

enum { PLAN_UNTRIED_MAX = 5000 };

/* For the page.  Never more than a hundredth of our time. */
void plan_waiting_count(struct plan_run *run);

#endif
