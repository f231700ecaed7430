/*
 * plan_tasks - hooks that follow from events: claimed in Redis so that one gateway alone
 * runs each, then run; `notify` up to three times.
 *
 * The claim is the gateway's name while the hook runs, then `done`: one that was cut off
 * with its controller is run again when that comes back within five minutes.
 */
#ifndef POLICYD_CUTOVER_PLAN_TASKS_H
#define POLICYD_CUTOVER_PLAN_TASKS_H

#include "policyd/cutover/plan_hooks.h"

enum {
    PLAN_TASKS_MAX = 200,
    PLAN_NEWS_TEXT = 256,
    PLAN_NOTIFY_TRIES = 3,
    PLAN_CLAIM_SECONDS = 8 * 86400,
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
