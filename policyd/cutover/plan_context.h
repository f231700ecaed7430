/*
 * plan_context - what the parts of the plan's runner share; each borrows it.
 */
#ifndef POLICYD_CUTOVER_PLAN_CONTEXT_H
#define POLICYD_CUTOVER_PLAN_CONTEXT_H

#include "policyd/cutover/cutover_config.h"
#include "policyd/cutover/plan_store.h"
#include "shared/service/metrics.h"

struct plan_context {
    struct event_base *base;
    const struct cutover_config *config; /* another one after a reload */
    const char *gateway;
    struct metrics *metrics;
    struct plan_store *store; /* another one where Redis is */
};

#endif
