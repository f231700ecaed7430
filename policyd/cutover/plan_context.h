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

struct books;
struct plan_self;

/* What the runner asks its owner. */
struct plan_owner {
    const struct replica *(*replica)(void *argument);
    struct books *(*books)(void *argument); /* NULL while they can't be used */
    void (*self)(void *argument, struct plan_self *self); /* log and alarm */
    /* The guard has pinned that recipient's unit to old. */
    void (*pinned)(void *argument, const char *domain, const char *recipient);
    void *argument;
};

#endif
