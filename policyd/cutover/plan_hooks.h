/*
 * plan_hooks - the site's hooks that run now: each start and end is an event, a line and
 * a count.
 *
 * At most PLAN_HOOKS_MAX run at once; one more is an error that says so.
 */
#ifndef POLICYD_CUTOVER_PLAN_HOOKS_H
#define POLICYD_CUTOVER_PLAN_HOOKS_H

#include "policyd/cutover/hook.h"
#include "policyd/cutover/plan_context.h"

enum { PLAN_HOOKS_MAX = 32 };

struct plan_hooks;

enum plan_hook_kind {
    HOOK_BEFORE_ADVANCE,
    HOOK_AFTER_TRANSITION,
    HOOK_AFTER_ROLLBACK,
    HOOK_NOTIFY,
    HOOK_KINDS
};

const char *plan_hook_name(enum plan_hook_kind kind); /* "before_advance" ... */

struct plan_hooks *plan_hooks_new(const struct plan_context *context);
void plan_hooks_free(struct plan_hooks *hooks); /* ends them */

/* Of the configuration; "" where there is none. */
const char *plan_hooks_path(const struct plan_hooks *hooks, enum plan_hook_kind kind);

struct plan_hook_order {
    enum plan_hook_kind kind;
    const char *domain;
    const char *stage;
    const char *from;
    const char *to;
    struct span input;
    bool is_begun;   /* its start is an event already */
    const char *why; /* of the event of its start; NULL: nothing */
    /* May be NULL; called in any case, later where it runs. */
    void (*ended)(void *argument, const char *domain, const struct hook_result *result);
    void *argument;
};

/* False: it does not run, which was told; `ended` is not called. */
bool plan_hooks_run(struct plan_hooks *hooks, const struct plan_hook_order *order);

/* What runs for a domain of this kind is ended. */
void plan_hooks_stop(
    struct plan_hooks *hooks, const char *domain, enum plan_hook_kind kind);

/* One of this kind runs for the domain, be it about to end. */
bool plan_hooks_has(
    const struct plan_hooks *hooks, const char *domain, enum plan_hook_kind kind);

/* One that runs for the domain, and since when (unix time); NULL: none. */
const char *plan_hooks_running(
    const struct plan_hooks *hooks, const char *domain, int64_t *since);

#endif
