#include "policyd/redis/redis_dial.h"

#include "shared/base/allocate.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct redis_dial {
    struct event_base *base;
    struct socket_address address;
    const struct redis_options *options;
    struct redis_dial_events events;
    void *argument;
    struct redis_resolve *resolve;
    struct event *turn; /* the next target, or the end, from the loop */
    struct redis_target targets[REDIS_TARGETS_MAX];
    size_t target_count;
    size_t target_next;
    struct redis_link *link;
    bool resolved;
    bool connected;
    bool ended;
    enum redis_trouble trouble;
    char why[320];
};

static void
soon(struct redis_dial *dial)
{
    static const struct timeval at_once = {0, 0};

    event_add(dial->turn, &at_once);
}

static void
note(struct redis_dial *dial, enum redis_trouble trouble, const char *why)
{
    dial->trouble = trouble;
    snprintf(dial->why, sizeof(dial->why), "%s", why);
}

static void
was_connected(void *argument)
{
    struct redis_dial *dial = argument;

    dial->connected = true;
    dial->events.connected(dial->argument, dial->link);
}

static void
was_lost(void *argument, enum redis_trouble trouble, const char *why)
{
    struct redis_dial *dial = argument;

    note(dial, trouble, why);
    soon(dial);
}

static void
was_pushed(void *argument, const struct redis_reply *message)
{
    struct redis_dial *dial = argument;

    if (dial->events.push != NULL)
        dial->events.push(dial->argument, message);
}

static void
was_resolved(
    void *argument, const struct redis_target *targets, size_t count, const char *why)
{
    struct redis_dial *dial = argument;

    memcpy(dial->targets, targets, count * sizeof(*targets));
    dial->target_count = count;
    if (count == 0)
        note(dial, REDIS_TROUBLE_RESOLVE, why);
    soon(dial);
}

static void
try_next_target(struct redis_dial *dial)
{
    static const struct redis_link_events link_events = {
        was_connected, was_lost, was_pushed};
    struct error error = {0};

    dial->link = redis_link_open(dial->base, &dial->targets[dial->target_next++],
        dial->options, &link_events, dial, &error);
    if (dial->link == NULL) {
        note(dial, REDIS_TROUBLE_CONNECT, error.text);
        soon(dial);
    }
}

static void
on_turn(evutil_socket_t fd, short what, void *argument)
{
    struct redis_dial *dial = argument;
    struct redis_link *link = dial->link;

    (void)fd;
    (void)what;
    if (!dial->resolved) {
        dial->resolved = true;
        redis_resolve_start(dial->resolve, &dial->address);
        return;
    }
    dial->link = NULL;
    redis_link_free(link);
    if (!dial->connected && dial->target_next < dial->target_count) {
        try_next_target(dial);
    } else if (!dial->ended) {
        dial->ended = true;
        dial->events.failed(dial->argument, dial->trouble, dial->why);
    }
}

struct redis_dial *
redis_dial_new(struct event_base *base, const struct socket_address *address,
    const struct redis_options *options, const struct redis_dial_events *events,
    void *argument)
{
    struct redis_dial *dial = allocate(sizeof(*dial));

    dial->base = base;
    dial->address = *address;
    dial->options = options;
    dial->events = *events;
    dial->argument = argument;
    dial->resolve = redis_resolve_new(base, options->timeout_ms, was_resolved, dial);
    dial->turn = allocated(event_new(base, -1, 0, on_turn, dial));
    soon(dial);
    return dial;
}

void
redis_dial_free(struct redis_dial *dial)
{
    if (dial == NULL)
        return;
    redis_link_free(dial->link);
    redis_resolve_free(dial->resolve);
    event_free(dial->turn);
    free(dial);
}
