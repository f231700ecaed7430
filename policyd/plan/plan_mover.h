/*
 * plan_mover - who moves with a stage, and which stage is next.  Pure.
 */
#ifndef POLICYD_PLAN_PLAN_MOVER_H
#define POLICYD_PLAN_PLAN_MOVER_H

#include "policyd/plan/plan_record.h"
#include "policyd/routing/route_decide.h"

/* Whether the stage moves this recipient from old to new. */
bool plan_mover_is(const struct plan_stage *stage, const struct replica *replica,
    const struct route *route);

/* The plan's next stage; without a plan (NULL, or PLAN_NONE), and behind its last stage,
 * the next one of 30, 70, 100.  False: all are on new already. */
bool plan_mover_next(
    const struct plan_record *plan, unsigned weight, struct plan_stage *stage);

#endif
