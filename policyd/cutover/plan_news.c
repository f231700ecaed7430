#include "policyd/cutover/plan_news.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/base/number.h"
#include "shared/service/log.h"

enum { FRESH_S = 5 * 60, WATCHED_MAX = 100 };

/* A freeze or rollback that nobody has acknowledged. */
struct watched {
    struct plan_news_event event;
    int64_t due; /* unix time */
};

struct plan_news {
    const struct plan_context *context;
    struct plan_tasks *tasks;
    void (*heard)(void *argument, const struct plan_news_event *event);
    void *argument;
    bool is_asking;
    char last[48];                                 /* the id up to which it was read */
    struct plan_news_event events[PLAN_NEWS_KEPT]; /* a ring */
    size_t count;                                  /* ever */
    struct watched watched[WATCHED_MAX];
    size_t watched_count;
};

struct plan_news *
plan_news_new(const struct plan_context *context, struct plan_hooks *hooks,
    void (*heard)(void *argument, const struct plan_news_event *event), void *argument)
{
    struct plan_news *news = allocate(sizeof(*news));
    int64_t back = (int64_t)context->config->escalate_ms / 1000 + FRESH_S;

    news->context = context;
    news->heard = heard;
    news->argument = argument;
    news->tasks = plan_tasks_new(context, hooks);
    (void)snprintf(
        news->last, sizeof(news->last), "%lld-0", (long long)(time(NULL) - back) * 1000);
    return news;
}

void
plan_news_free(struct plan_news *news)
{
    if (news == NULL)
        return;
    plan_tasks_free(news->tasks);
    free(news);
}

/* --- what follows from an event --- */

static bool
is_one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0)
            return true;
    }
    return false;
}

static bool
is_told(const char *what)
{
    static const char *const words[] = {"plan-start", "plan-advance", "plan-done",
        "plan-edited", "plan-pause", "plan-resume", "plan-abort", "preflight", "freeze",
        "rollback", "refused-us"};

    return is_one_of(what, words, ARRAY_LENGTH(words));
}

static bool
wants_somebody(const struct plan_news_event *event)
{
    static const char *const whats[] = {"freeze", "rollback", "refused-us", "plan-pause"};
    static const char *const whos[] = {
        "slow-trigger", "fast-trigger", "guard", "hook", "edit"};

    return is_one_of(event->what, whats, ARRAY_LENGTH(whats)) &&
           is_one_of(event->who, whos, ARRAY_LENGTH(whos));
}

static bool
is_refused_us(const struct plan_news_event *event)
{
    return strcmp(event->what, "refused-us") == 0;
}

static bool
is_answer(const struct plan_news_event *event)
{
    static const char *const words[] = {"plan-start", "plan-resume", "plan-abort"};

    return is_one_of(event->what, words, ARRAY_LENGTH(words));
}

/* The guards of several gateways, and the freeze that follows: one cause, told once. */
static bool
is_same_cause(const struct plan_news_event *event, const struct plan_news_event *other)
{
    bool is_guards = strcmp(event->who, "guard") == 0 && strcmp(other->who, "guard") == 0;

    return is_guards && strcmp(event->domain, other->domain) == 0 &&
           (is_refused_us(event) || is_refused_us(other));
}

static void
watch(struct plan_news *news, const struct plan_news_event *event)
{
    for (size_t i = 0; i < news->watched_count; i++) {
        if (!is_same_cause(event, &news->watched[i].event))
            continue;
        /* The freeze is what a person acknowledges. */
        if (is_refused_us(&news->watched[i].event) && !is_refused_us(event))
            news->watched[i].event = *event;
        return;
    }
    if (news->watched_count < WATCHED_MAX)
        news->watched[news->watched_count++] = (struct watched){
            *event, event->time + (int64_t)news->context->config->escalate_ms / 1000};
}

static void
forget_watched(struct plan_news *news, const char *domain)
{
    size_t kept = 0;

    for (size_t i = 0; i < news->watched_count; i++) {
        if (strcmp(news->watched[i].event.domain, domain) != 0)
            news->watched[kept++] = news->watched[i];
    }
    news->watched_count = kept;
}

static void
follow_from(struct plan_news *news, const struct plan_news_event *event)
{
    bool is_fresh = event->time >= (int64_t)time(NULL) - FRESH_S;

    if (is_answer(event))
        forget_watched(news, event->domain);
    if (wants_somebody(event))
        watch(news, event);
    if (!is_fresh)
        return;
    if (strcmp(event->what, "plan-advance") == 0)
        plan_tasks_add(news->tasks, event, HOOK_AFTER_TRANSITION, false);
    if (strcmp(event->what, "rollback") == 0)
        plan_tasks_add(news->tasks, event, HOOK_AFTER_ROLLBACK, false);
    if (is_told(event->what))
        plan_tasks_add(news->tasks, event, HOOK_NOTIFY, false);
}

static void
escalate(struct plan_news *news)
{
    int64_t now = (int64_t)time(NULL);
    size_t kept = 0;

    for (size_t i = 0; i < news->watched_count; i++) {
        if (now >= news->watched[i].due)
            plan_tasks_add(news->tasks, &news->watched[i].event, HOOK_NOTIFY, true);
        else
            news->watched[kept++] = news->watched[i];
    }
    news->watched_count = kept;
}

/* --- reading --- */

static void
keep(struct span value, char *out, size_t size)
{
    (void)span_copy(span_first(value, size - 1), out, size);
}

static void
take_field(struct plan_news_event *event, struct span name, struct span value)
{
    uint64_t number = 0;
    const struct {
        const char *name;
        char *out;
        size_t size;
    } rows[] = {
        {"who",    event->who,    sizeof(event->who)   },
        {"host",   event->host,   sizeof(event->host)  },
        {"domain", event->domain, sizeof(event->domain)},
        {"what",   event->what,   sizeof(event->what)  },
        {"from",   event->from,   sizeof(event->from)  },
        {"to",     event->to,     sizeof(event->to)    },
        {"why",    event->why,    sizeof(event->why)   },
    };

    if (span_is(name, "time") && number_unsigned(value, INT64_MAX, &number))
        event->time = (int64_t)number;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (span_is(name, rows[i].name))
            keep(value, rows[i].out, rows[i].size);
    }
}

static void
take_event(struct plan_news *news, const struct redis_reply *reply)
{
    struct plan_news_event *event = &news->events[news->count % PLAN_NEWS_KEPT];
    const struct redis_reply *fields;

    if (!redis_reply_is_array(reply, 2) || reply->elements[0].kind != REDIS_STRING)
        return;
    keep(reply->elements[0].text, news->last, sizeof(news->last));
    fields = &reply->elements[1];
    *event = (struct plan_news_event){.time = 0};
    keep(reply->elements[0].text, event->id, sizeof(event->id));
    for (size_t i = 0; fields->kind == REDIS_ARRAY && i + 1 < fields->count; i += 2)
        take_field(event, fields->elements[i].text, fields->elements[i + 1].text);
    news->count++;
    follow_from(news, event);
    news->heard(news->argument, event);
}

static void
was_read(void *argument, const struct redis_reply *reply)
{
    struct plan_news *news = argument;
    const struct redis_reply *entries;

    news->is_asking = false;
    if (reply == NULL)
        return;
    plan_store_tell(news->context->store, "to read events", reply);
    if (!redis_reply_is_array(reply, 1) || !redis_reply_is_array(&reply->elements[0], 2))
        return;
    entries = &reply->elements[0].elements[1];
    for (size_t i = 0; entries->kind == REDIS_ARRAY && i < entries->count; i++)
        take_event(news, &entries->elements[i]);
}

static void
ask(struct plan_news *news)
{
    struct plan_store *store = news->context->store;
    char key[300];

    (void)snprintf(key, sizeof(key), "%.250sevents", plan_store_prefix(store));
    news->is_asking = redis_ask(plan_store_redis(store), was_read, news, SPAN("XREAD"),
        SPAN("COUNT"), SPAN("100"), SPAN("STREAMS"), span_of(key), span_of(news->last));
}

void
plan_news_tick(struct plan_news *news)
{
    if (!news->is_asking && plan_store_is_up(news->context->store))
        ask(news);
    escalate(news);
    plan_tasks_tick(news->tasks);
}

size_t
plan_news_of(const struct plan_news *news, const char *domain,
    struct plan_page_event *events, size_t room)
{
    size_t kept = news->count < PLAN_NEWS_KEPT ? news->count : PLAN_NEWS_KEPT;
    size_t found = 0;

    for (size_t i = 0; i < kept && found < room; i++) {
        const struct plan_news_event *event =
            &news->events[(news->count - 1 - i) % PLAN_NEWS_KEPT];

        if (strcmp(event->domain, domain) != 0)
            continue;
        events[found++] = (struct plan_page_event){
            .id = span_of(event->id),
            .time = event->time,
            .who = span_of(event->who),
            .what = span_of(event->what),
            .from = span_of(event->from),
            .to = span_of(event->to),
            .why = span_of(event->why),
        };
    }
    return found;
}
