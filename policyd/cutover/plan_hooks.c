#include "policyd/cutover/plan_hooks.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/service/log.h"

struct running {
    struct plan_hooks *hooks;
    struct hook *hook;
    enum plan_hook_kind kind;
    char domain[256];
    char stage[32];
    int64_t since;
    void (*ended)(void *argument, const char *domain, const struct hook_result *result);
    void *argument;
};

struct plan_hooks {
    const struct plan_context *context;
    struct running *running[PLAN_HOOKS_MAX]; /* NULL: free */
};

static const char *const names[HOOK_KINDS] = {
    "before_advance", "after_transition", "after_rollback", "notify"};

static const char *const results[] = {"good", "failed", "stopped"};

const char *
plan_hook_name(enum plan_hook_kind kind)
{
    return names[kind];
}

struct plan_hooks *
plan_hooks_new(const struct plan_context *context)
{
    struct plan_hooks *hooks = allocate(sizeof(*hooks));

    hooks->context = context;
    for (unsigned kind = 0; kind < HOOK_KINDS; kind++) {
        for (size_t i = 0; i < ARRAY_LENGTH(results); i++) {
            const char *const labels[] = {names[kind], results[i]};

            metrics_add(
                metrics_series(context->metrics, "cutover_hook_runs_total", labels), 0);
        }
    }
    return hooks;
}

void
plan_hooks_free(struct plan_hooks *hooks)
{
    if (hooks == NULL)
        return;
    for (size_t i = 0; i < PLAN_HOOKS_MAX; i++) {
        if (hooks->running[i] == NULL)
            continue;
        log_say(LOG_LEVEL_WARNING, "%s of %s is ended with the controller",
            names[hooks->running[i]->kind], hooks->running[i]->domain);
        hook_free(hooks->running[i]->hook);
        free(hooks->running[i]);
    }
    free(hooks);
}

const char *
plan_hooks_path(const struct plan_hooks *hooks, enum plan_hook_kind kind)
{
    const struct cutover_config *config = hooks->context->config;
    const char *const paths[HOOK_KINDS] = {config->before_advance,
        config->after_transition, config->after_rollback, config->notify};

    return paths[kind];
}

/* --- what is told --- */

static void
count(const struct plan_hooks *hooks, enum plan_hook_kind kind, const char *result)
{
    const char *const labels[] = {names[kind], result};

    metrics_add(
        metrics_series(hooks->context->metrics, "cutover_hook_runs_total", labels), 1);
}

static void
tell(const struct plan_hooks *hooks, const char *what, enum plan_hook_kind kind,
    const char *domain, const char *stage, const char *why)
{
    const struct event_fields event = {
        .time = (int64_t)time(NULL),
        .who = "plan",
        .host = hooks->context->gateway,
        .domain = domain,
        .what = what,
        .from = stage,
        .to = names[kind],
        .why = why,
    };

    plan_store_event(hooks->context->store, &event);
}

static void
tell_end(const struct running *running, const struct hook_result *result)
{
    char why[2 * HOOK_TEXT_MAX + 40];
    int64_t seconds = (int64_t)time(NULL) - running->since;

    (void)snprintf(why, sizeof(why), "%s after %lld s%s%s", result->text,
        (long long)seconds, result->note[0] != '\0' ? ", note=" : "", result->note);
    count(running->hooks, running->kind,
        result->is_good       ? "good"
        : result->was_stopped ? "stopped"
                              : "failed");
    tell(running->hooks, "hook-end", running->kind, running->domain, running->stage, why);
    log_write(result->is_good ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, NULL, "hook",
        LOG_FIELDS(log_text("kind", names[running->kind]),
            log_text("domain", running->domain), log_text("end", result->text),
            log_number("seconds", seconds),
            result->note[0] != '\0' ? log_text("note", result->note) : log_nothing()));
}

/* --- running --- */

static struct running **
find_place(struct plan_hooks *hooks, const struct running *running)
{
    for (size_t i = 0; i < PLAN_HOOKS_MAX; i++) {
        if (hooks->running[i] == running)
            return &hooks->running[i];
    }
    return NULL;
}

static void
has_ended(void *argument, const struct hook_result *result)
{
    struct running *running = argument;
    struct running **place = find_place(running->hooks, running);

    if (place != NULL)
        *place = NULL;
    tell_end(running, result);
    if (running->ended != NULL)
        running->ended(running->argument, running->domain, result);
    free(running);
}

static bool
start(struct running *running, const struct plan_hook_order *order, struct error *error)
{
    const struct hook_order words = {
        .path = plan_hooks_path(running->hooks, order->kind),
        .kind = names[order->kind],
        .domain = order->domain,
        .stage = order->stage,
        .from = order->from,
        .to = order->to,
        .input = order->input,
    };

    running->hook =
        hook_start(running->hooks->context->base, &words, has_ended, running, error);
    return running->hook != NULL;
}

bool
plan_hooks_run(struct plan_hooks *hooks, const struct plan_hook_order *order)
{
    struct running **place = find_place(hooks, NULL);
    struct running *running = allocate(sizeof(*running));
    struct error error;

    *running = (struct running){.hooks = hooks,
        .kind = order->kind,
        .since = (int64_t)time(NULL),
        .ended = order->ended,
        .argument = order->argument};
    (void)span_copy(span_of(order->domain), running->domain, sizeof(running->domain));
    (void)span_copy(span_of(order->stage), running->stage, sizeof(running->stage));
    if (place == NULL)
        (void)error_temporary(&error, "%d hooks run already", PLAN_HOOKS_MAX);
    if (place == NULL || !start(running, order, &error)) {
        count(hooks, order->kind, "failed");
        tell(hooks, "hook-end", order->kind, order->domain, order->stage, error.text);
        log_warning("hook", log_text("kind", names[order->kind]),
            log_text("domain", order->domain), log_text("end", "not started"),
            log_note(error.text));
        free(running);
        return false;
    }
    *place = running;
    if (!order->is_begun)
        tell(hooks, "hook-start", order->kind, order->domain, order->stage,
            order->why != NULL ? order->why : "");
    return true;
}

void
plan_hooks_stop(struct plan_hooks *hooks, const char *domain, enum plan_hook_kind kind)
{
    for (size_t i = 0; i < PLAN_HOOKS_MAX; i++) {
        const struct running *running = hooks->running[i];

        if (running != NULL && running->kind == kind &&
            strcmp(running->domain, domain) == 0)
            hook_stop(running->hook);
    }
}

bool
plan_hooks_has(
    const struct plan_hooks *hooks, const char *domain, enum plan_hook_kind kind)
{
    for (size_t i = 0; i < PLAN_HOOKS_MAX; i++) {
        const struct running *running = hooks->running[i];

        if (running != NULL && running->kind == kind &&
            strcmp(running->domain, domain) == 0)
            return true;
    }
    return false;
}

const char *
plan_hooks_running(const struct plan_hooks *hooks, const char *domain, int64_t *since)
{
    for (size_t i = 0; i < PLAN_HOOKS_MAX; i++) {
        const struct running *running = hooks->running[i];

        if (running != NULL && strcmp(running->domain, domain) == 0) {
            *since = running->since;
            return names[running->kind];
        }
    }
    return NULL;
}
