/*
 * plan_order - what an operator says about a plan, as a write.  Pure.
 */
#ifndef POLICYD_PLAN_PLAN_ORDER_H
#define POLICYD_PLAN_PLAN_ORDER_H

#include "policyd/plan/plan_write.h"

enum plan_order {
    PLAN_ORDER_START,
    PLAN_ORDER_ADVANCE,
    PLAN_ORDER_PAUSE,
    PLAN_ORDER_RESUME,
    PLAN_ORDER_ABORT,
    PLAN_ORDER_ROLLBACK, /* the plan's part of `rollback` */
    PLAN_ORDERS
};

const char *plan_order_name(enum plan_order order); /* "start" "advance" ... */

/*
 * False: it makes no sense in this state, *error says why.  `past`: of `advance`, gates
 * by blanks, checked.  `why` may be "".  Start sets the state alone: stages and limits
 * are the caller's to set beside it (plan_write_set), parsed before.
 */
bool plan_order_write(enum plan_order order, const struct plan_record *plan,
    const char *past, const char *why, int64_t now, struct plan_write *write,
    struct error *error);

#endif
