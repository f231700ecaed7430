#include "policyd/rehearse/rehearse_share.h"

#include <stdio.h>
#include <stdlib.h>

#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum { KEY_SIZE = 1024, TELL_AGAIN_MS = 600000 };

#define KEPT_SECONDS "691200" /* 8 days */

struct rehearse_share {
    struct rehearse_share_options options;
    struct redis *redis;
    uint64_t told_ms;
};

/* A question for a plan. */
struct asked {
    struct rehearse_share *share;
    char domain[256];
};

static void
came_up(void *argument)
{
    const struct rehearse_share *share = argument;

    share->options.up(share->options.argument);
}

struct rehearse_share *
rehearse_share_new(struct event_base *base, const struct rehearse_share_options *options)
{
    static const struct redis_events events = {.up = came_up};
    struct rehearse_share *share = allocate(sizeof(*share));

    share->options = *options;
    share->redis = redis_new(base, options->redis, &events, share);
    return share;
}

void
rehearse_share_free(struct rehearse_share *share)
{
    if (share == NULL)
        return;
    redis_free(share->redis);
    free(share);
}

bool
rehearse_share_is_up(const struct rehearse_share *share)
{
    return redis_is_up(share->redis);
}

size_t
rehearse_share_room(const struct rehearse_share *share)
{
    return redis_is_up(share->redis) ? redis_room(share->redis) : 0;
}

static void
complain(struct rehearse_share *share, const struct redis_reply *reply)
{
    uint64_t now = clock_now_ms();

    if (reply == NULL || reply->kind != REDIS_ERROR ||
        (share->told_ms != 0 && now < share->told_ms + TELL_AGAIN_MS))
        return;
    share->told_ms = now;
    log_say(LOG_LEVEL_WARNING, "redis refuses what the rehearsal tells: %.*s",
        (int)span_first(reply->text, 200).length, reply->text.data);
}

static void
written(void *argument, const struct redis_reply *reply)
{
    complain(argument, reply);
}

static void
plan_came(void *argument, const struct redis_reply *reply)
{
    struct asked *asked = argument;
    const struct rehearse_share_options *options = &asked->share->options;

    complain(asked->share, reply);
    if (reply != NULL)
        options->plan(options->argument, asked->domain, reply);
    free(asked);
}

void
rehearse_share_ask_plan(struct rehearse_share *share, const char *domain)
{
    struct asked *asked = allocate(sizeof(*asked));
    char key[KEY_SIZE];

    asked->share = share;
    (void)span_copy(span_of(domain), asked->domain, sizeof(asked->domain));
    (void)snprintf(key, sizeof(key), "%splan:%s", share->options.prefix, domain);
    if (!redis_ask(share->redis, plan_came, asked, SPAN("HGETALL"), span_of(key)))
        free(asked);
}

static struct span
own_key(const struct rehearse_share *share, const char *domain, char key[KEY_SIZE])
{
    (void)snprintf(key, KEY_SIZE, "%srehearsal:%s:%s", share->options.prefix, domain,
        share->options.gateway);
    return span_of(key);
}

void
rehearse_share_clear(struct rehearse_share *share, const char *domain)
{
    char key[KEY_SIZE];

    (void)redis_ask(
        share->redis, written, share, SPAN("DEL"), own_key(share, domain, key));
}

void
rehearse_share_put(struct rehearse_share *share, const char *domain,
    const char *recipient, const char *value)
{
    char key[KEY_SIZE];

    (void)redis_ask(share->redis, written, share, SPAN("HSET"),
        own_key(share, domain, key), span_of(recipient), span_of(value));
}

void
rehearse_share_drop(
    struct rehearse_share *share, const char *domain, const char *recipient)
{
    char key[KEY_SIZE];

    (void)redis_ask(share->redis, written, share, SPAN("HDEL"),
        own_key(share, domain, key), span_of(recipient));
}

void
rehearse_share_sum(struct rehearse_share *share, const char *domain, const char *value)
{
    char key[KEY_SIZE];

    (void)redis_ask(share->redis, NULL, NULL, SPAN("EXPIRE"), own_key(share, domain, key),
        SPAN(KEPT_SECONDS));
    (void)snprintf(key, sizeof(key), "%srehearsal:%s", share->options.prefix, domain);
    (void)redis_ask(share->redis, written, share, SPAN("HSET"), span_of(key),
        span_of(share->options.gateway), span_of(value));
    (void)redis_ask(
        share->redis, NULL, NULL, SPAN("EXPIRE"), span_of(key), SPAN(KEPT_SECONDS));
}
