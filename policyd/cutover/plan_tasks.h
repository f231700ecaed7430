/*
 * plan_tasks - hooks that follow from events: claimed in Redis so that one gateway alone
 * runs each, then run; `notify` up to three times.
 *
 * The claim is the gateway's name while the hook runs, and is renewed by it, then `done`.
 * One that was cut off with its controller is run again by that, if it comes back within
 * five minutes, or, when the claim has run out, by another one; a line and the event
 * say so.  A claim of a hook that changes something lasts longer than the hook may run,
 * so that two never run at a time; that of news a minute.
 *
 * Limits: whether a hook that was cut off had done its work is not known, so it runs at
 * least once, not exactly once.
 */
#ifndef POLICYD_CUTOVER_PLAN_TASKS_H
#define POLICYD_CUTOVER_PLAN_TASKS_H

#include "policyd/cutover/plan_hooks.h"

enum {
    PLAN_TASKS_MAX = 200,
    PLAN_NEWS_TEXT = 256,
    PLAN_NOTIFY_TRIES = 3,
    PLAN_CLAIM_SECONDS = 8 * 86400, /* of what is done */
    PLAN_CLAIM_NEWS_SECONDS = 60,   /* of news that are being told */
    PLAN_CLAIM_RUN_SECONDS =
        11 * 60, /* of another hook that runs: HOOK_LIMIT_MS, and more */
};

/* An event as it was read; texts that are longer are cut. */
struct plan_news_event {
    char id[48];
    int64_t time;
    char who[64];
    char host[64];
    char domain[256];
    char what[40];
    char from[PLAN_NEWS_TEXT];
    char to[PLAN_NEWS_TEXT];
    char why[PLAN_NEWS_TEXT];
};

struct plan_tasks;

struct plan_tasks *plan_tasks_new(
    const struct plan_context *context, struct plan_hooks *hooks);
void plan_tasks_free(struct plan_tasks *tasks);

/* Nothing, where the configuration has no such hook.  `escalated`: of `notify`, that
 * nobody has acknowledged it; left alone where the key `acked:ID` is there. */
void plan_tasks_add(struct plan_tasks *tasks, const struct plan_news_event *event,
    enum plan_hook_kind kind, bool escalated);

/* Once a second. */
void plan_tasks_tick(struct plan_tasks *tasks);

#endif
