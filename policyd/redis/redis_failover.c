#include "policyd/redis/redis_failover.h"

#include <event2/event.h>
#include <stdlib.h>

#include "policyd/redis/redis_dial.h"
#include "policyd/redis/redis_sentinels.h"
#include "shared/base/allocate.h"

enum { ASK_SECONDS = 3, HINT_MS = 50 };

static const struct timeval interval = {ASK_SECONDS, 0};

/* A sentinel that is listened to. */
struct ear {
    struct redis_failover *failover;
    struct redis_dial *dial;
    bool lost; /* made anew at the next round */
};

struct redis_failover {
    struct event_base *base;
    struct redis_options options;
    redis_failover_primary *callback;
    void *argument;
    struct redis_sentinels *sentinels;
    struct ear ears[REDIS_SENTINELS_MAX];
    struct event *round;
    bool hinted; /* since the last answer */
};

static void
was_connected(void *argument, struct redis_link *link)
{
    (void)argument;
    redis_link_send(
        link, NULL, NULL, 2, REDIS_WORDS(SPAN("SUBSCRIBE"), SPAN("+switch-master")));
}

static void
has_failed(void *argument, enum redis_trouble trouble, const char *why)
{
    struct ear *ear = argument;

    (void)trouble;
    (void)why;
    ear->lost = true;
}

/* Whoever may PUBLISH there can send anything, and as much as he likes: it is a hint to
 * ask. */
static void
was_told(void *argument, const struct redis_reply *message)
{
    static const struct timeval soon = {0, (suseconds_t)1000 * HINT_MS};
    struct ear *ear = argument;

    (void)message;
    if (ear->failover->hinted)
        return;
    ear->failover->hinted = true;
    event_add(ear->failover->round, &soon);
}

static void
listen_again(struct ear *ear, const struct socket_address *sentinel)
{
    static const struct redis_dial_events events = {was_connected, has_failed, was_told};
    struct redis_failover *failover = ear->failover;

    if (ear->dial != NULL && !ear->lost)
        return;
    redis_dial_free(ear->dial);
    ear->lost = false;
    ear->dial =
        redis_dial_new(failover->base, sentinel, &failover->options, &events, ear);
}

static void
on_round(evutil_socket_t fd, short what, void *argument)
{
    struct redis_failover *failover = argument;

    (void)fd;
    (void)what;
    for (size_t i = 0; i < failover->options.sentinel_count; i++)
        listen_again(&failover->ears[i], &failover->options.sentinels[i]);
    redis_sentinels_ask(failover->sentinels);
    event_add(failover->round, &interval);
}

static void
was_answered(void *argument, const struct socket_address *primary, const char *why)
{
    struct redis_failover *failover = argument;

    (void)why;
    failover->hinted = false;
    if (primary != NULL)
        failover->callback(failover->argument, primary);
}

struct redis_failover *
redis_failover_new(struct event_base *base, const struct redis_options *options,
    redis_failover_primary *callback, void *argument)
{
    struct redis_failover *failover;

    if (options->sentinel_count == 0)
        return NULL;
    failover = allocate(sizeof(*failover));
    failover->base = base;
    redis_options_copy(&failover->options, options);
    failover->callback = callback;
    failover->argument = argument;
    failover->sentinels =
        redis_sentinels_new(base, &failover->options, was_answered, failover);
    for (size_t i = 0; i < REDIS_SENTINELS_MAX; i++)
        failover->ears[i].failover = failover;
    failover->round = allocated(event_new(base, -1, 0, on_round, failover));
    event_add(failover->round, &interval);
    return failover;
}

void
redis_failover_free(struct redis_failover *failover)
{
    if (failover == NULL)
        return;
    event_free(failover->round);
    redis_sentinels_free(failover->sentinels);
    for (size_t i = 0; i < REDIS_SENTINELS_MAX; i++)
        redis_dial_free(failover->ears[i].dial);
    redis_options_clear(&failover->options);
    free(failover);
}
