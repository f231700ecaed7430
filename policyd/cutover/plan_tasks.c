#include "policyd/cutover/plan_tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/base/json.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum { AGAIN_MS = 10000, JSON_MAX = 64 << 10, KEY_ROOM = 200 };

enum phase {
    PHASE_ACK,   /* was it acknowledged? */
    PHASE_CLAIM, /* is it ours? */
    PHASE_LOOK,  /* somebody has it, maybe we in a former life: who? */
    PHASE_RUN,
    PHASE_OVER,
};

struct task {
    struct plan_tasks *tasks;
    struct plan_news_event event;
    enum plan_hook_kind kind;
    bool escalated;
    enum phase phase;
    bool is_busy; /* an answer or an end is waited for */
    unsigned tries;
    uint64_t due_ms;
    uint64_t claimed_ms; /* or renewed */
    char from[64];       /* another gateway that has, or had, the claim; "" */
    bool is_again;       /* ours, of a former life */
};

struct plan_tasks {
    const struct plan_context *context;
    struct plan_hooks *hooks;
    struct task *items[PLAN_TASKS_MAX];
    size_t count;
};

struct plan_tasks *
plan_tasks_new(const struct plan_context *context, struct plan_hooks *hooks)
{
    struct plan_tasks *tasks = allocate(sizeof(*tasks));

    *tasks = (struct plan_tasks){.context = context, .hooks = hooks};
    return tasks;
}

void
plan_tasks_free(struct plan_tasks *tasks)
{
    if (tasks == NULL)
        return;
    for (size_t i = 0; i < tasks->count; i++)
        free(tasks->items[i]);
    free(tasks);
}

void
plan_tasks_add(struct plan_tasks *tasks, const struct plan_news_event *event,
    enum plan_hook_kind kind, bool escalated)
{
    struct task *task;

    if (plan_hooks_path(tasks->hooks, kind)[0] == '\0')
        return;
    if (tasks->count == PLAN_TASKS_MAX) {
        log_say(LOG_LEVEL_WARNING, "too many hooks wait: %s of %s for %s is left out",
            plan_hook_name(kind), event->domain, event->what);
        return;
    }
    task = allocate(sizeof(*task));
    *task = (struct task){.tasks = tasks,
        .event = *event,
        .kind = kind,
        .escalated = escalated,
        .phase = escalated ? PHASE_ACK : PHASE_CLAIM};
    tasks->items[tasks->count++] = task;
}

/* --- running --- */

static void
write_news(const struct task *task, struct buffer *out)
{
    const struct plan_news_event *event = &task->event;
    struct json json = json_on(out);
    char command[100];

    (void)snprintf(command, sizeof(command), "postshiftctl events ack %s", event->id);
    json_object_begin(&json, NULL);
    json_text(&json, "id", event->id);
    json_integer(&json, "time", event->time);
    json_text(&json, "domain", event->domain);
    json_text(&json, "what", event->what);
    json_text(&json, "who", event->who);
    json_text(&json, "host", event->host);
    json_text(&json, "from", event->from);
    json_text(&json, "to", event->to);
    json_text(&json, "why", event->why);
    json_bool(&json, "escalated", task->escalated);
    json_text(&json, "command", command);
    json_object_end(&json);
    buffer_append_octet(out, '\n');
}

static void
key_of(const struct task *task, char out[KEY_ROOM])
{
    (void)snprintf(out, KEY_ROOM, "claim:%s:%s", task->event.id,
        task->escalated ? "escalate" : plan_hook_name(task->kind));
}

static unsigned
claim_seconds(const struct task *task)
{
    return task->kind == HOOK_NOTIFY ? PLAN_CLAIM_NEWS_SECONDS : PLAN_CLAIM_RUN_SECONDS;
}

static void
is_over(struct task *task)
{
    char key[KEY_ROOM];

    key_of(task, key);
    task->phase = PHASE_OVER;
    plan_store_claim_done(task->tasks->context->store, key, PLAN_CLAIM_SECONDS);
}

static void
has_ended(void *argument, const char *domain, const struct hook_result *result)
{
    struct task *task = argument;

    (void)domain;
    task->is_busy = false;
    task->tries++;
    if (result->is_good || task->kind != HOOK_NOTIFY || task->tries >= PLAN_NOTIFY_TRIES)
        is_over(task);
    task->due_ms = clock_now_ms() + (uint64_t)AGAIN_MS * task->tries;
}

static void
find_stage(const struct task *task, char out[32])
{
    const struct plan_entry *entry =
        plan_store_find(task->tasks->context->store, span_of(task->event.domain));

    out[0] = '\0';
    if (entry != NULL && entry->record.state != PLAN_NONE)
        (void)snprintf(
            out, 32, "%zu/%zu", entry->record.stage, entry->record.stage_count);
}

/* It may have run before, to whatever point. */
static void
say_again(const struct task *task, char *why, size_t size)
{
    if (task->from[0] == '\0' && !task->is_again)
        return;
    if (task->from[0] != '\0')
        (void)snprintf(why, size,
            "taken over from %s, which did not end it: it may have run there",
            task->from);
    else
        (void)snprintf(why, size, "again: it was cut off with its controller");
    log_warning("hook", log_text("kind", plan_hook_name(task->kind)),
        log_text("domain", task->event.domain), log_text("event", task->event.id),
        log_note(why));
}

static void
run(struct task *task)
{
    static const struct hook_result not_started = {.is_good = false};
    struct buffer input;
    char stage[32];
    char why[160] = "";

    if (task->tries == 0)
        say_again(task, why, sizeof(why));
    buffer_init(&input, JSON_MAX);
    write_news(task, &input);
    find_stage(task, stage);
    task->is_busy = true;
    if (!plan_hooks_run(task->tasks->hooks, &(struct plan_hook_order){
                                                .kind = task->kind,
                                                .domain = task->event.domain,
                                                .stage = stage,
                                                .from = task->event.from,
                                                .to = task->event.to,
                                                .input = buffer_span(&input),
                                                .why = why,
                                                .ended = has_ended,
                                                .argument = task,
                                            }))
        has_ended(task, task->event.domain, &not_started);
    buffer_clear(&input);
}

/* --- claims --- */

static void
was_claimed(void *argument, enum plan_store_result result)
{
    struct task *task = argument;

    task->is_busy = false;
    if (result == PLAN_STORE_DONE) {
        task->phase = PHASE_RUN;
        task->claimed_ms = clock_now_ms();
    } else if (result == PLAN_STORE_STALE || result == PLAN_STORE_LOST) {
        task->phase = PHASE_LOOK;
    }
}

static void
claim(struct task *task)
{
    char key[KEY_ROOM];

    key_of(task, key);
    task->is_busy = plan_store_claim(
        task->tasks->context->store, key, claim_seconds(task), was_claimed, task);
}

/* By us in a former life, or in a claim whose answer was lost; or by another, who may
 * never come back: when its time is over it is anybody's. */
static void
is_claimed(struct task *task, struct span by)
{
    if (span_is(by, "done")) {
        task->phase = PHASE_OVER;
    } else if (span_is(by, task->tasks->context->gateway)) {
        task->phase = PHASE_RUN;
        task->is_again = true;
    } else {
        task->phase = PHASE_CLAIM;
        (void)span_copy(
            span_first(by, sizeof(task->from) - 1), task->from, sizeof(task->from));
        task->due_ms = clock_now_ms() + AGAIN_MS;
    }
}

/* While the hook runs, or waits to be tried once more, nobody else takes it. */
static void
renew(struct task *task, uint64_t now)
{
    char key[KEY_ROOM];

    if (task->phase != PHASE_RUN ||
        now < task->claimed_ms + (uint64_t)claim_seconds(task) * 1000 / 3)
        return;
    key_of(task, key);
    task->claimed_ms = now;
    plan_store_claim_renew(task->tasks->context->store, key, claim_seconds(task));
}

static void
was_looked_at(void *argument, const struct redis_reply *reply)
{
    struct task *task = argument;

    task->is_busy = false;
    if (reply == NULL || reply->kind == REDIS_ERROR)
        return;
    if (task->phase == PHASE_ACK)
        task->phase = reply->kind == REDIS_NIL ? PHASE_CLAIM : PHASE_OVER;
    else if (reply->kind == REDIS_NIL)
        task->phase = PHASE_CLAIM;
    else
        is_claimed(task, reply->text);
}

static void
look(struct task *task)
{
    struct plan_store *store = task->tasks->context->store;
    char claimed[KEY_ROOM];
    char key[2 * KEY_ROOM];

    if (task->phase == PHASE_ACK)
        (void)snprintf(claimed, sizeof(claimed), "acked:%s", task->event.id);
    else
        key_of(task, claimed);
    (void)snprintf(key, sizeof(key), "%.190s%s", plan_store_prefix(store), claimed);
    task->is_busy = redis_ask(
        plan_store_redis(store), was_looked_at, task, SPAN("GET"), span_of(key));
}

static void
go_on(struct task *task)
{
    if (task->phase == PHASE_CLAIM)
        claim(task);
    else if (task->phase == PHASE_RUN)
        run(task);
    else if (task->phase != PHASE_OVER)
        look(task);
}

void
plan_tasks_tick(struct plan_tasks *tasks)
{
    uint64_t now = clock_now_ms();
    size_t kept = 0;

    for (size_t i = 0; i < tasks->count; i++) {
        struct task *task = tasks->items[i];

        renew(task, now);
        if (!task->is_busy && now >= task->due_ms)
            go_on(task);
        if (task->phase == PHASE_OVER && !task->is_busy)
            free(task);
        else
            tasks->items[kept++] = task;
    }
    tasks->count = kept;
}
