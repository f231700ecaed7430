#include "policyd/store/replica_tracker.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/base/attributes.h"

enum { HEARTBEAT_SECONDS = 5, HEARTBEATS_MISSED = 2 };

static const struct span channel = {"__redis__:invalidate", 20};

/* What decides routes; all else under the prefix may change as often as it likes. */
static const char *const followed[] = {
    "domain:", "pin:", "unit:", "list:", "accept", "text:"};

struct replica_tracker {
    struct redis *redis;
    struct event *heartbeat;
    char *prefixes[ARRAY_LENGTH(followed)];
    struct replica_tracker_events events;
    void *argument;
};

static void
refuse(struct replica_tracker *tracker, const struct redis_reply *reply, const char *what)
{
    char why[200];

    snprintf(why, sizeof(why), "%s: %.*s", what,
        redis_reply_is_error(reply)
            ? (int)(reply->text.length < 150 ? reply->text.length : 150)
            : 0,
        reply->text.data);
    redis_drop(tracker->redis,
        redis_reply_is_error_of(reply, "NOPERM") ? REDIS_TROUBLE_PERMISSION
                                                 : REDIS_TROUBLE_PROTOCOL,
        why);
}

static void
was_alive(void *argument, const struct redis_reply *reply)
{
    struct replica_tracker *tracker = argument;

    if (redis_reply_is_array(reply, 3))
        tracker->events.alive(tracker->argument);
}

static void
beat(evutil_socket_t fd, short what, void *argument)
{
    struct replica_tracker *tracker = argument;

    (void)fd;
    (void)what;
    redis_ask(tracker->redis, was_alive, tracker, SPAN("SUBSCRIBE"), channel);
}

static void
has_subscribed(void *argument, const struct redis_reply *reply)
{
    struct replica_tracker *tracker = argument;

    if (reply == NULL)
        return;
    if (redis_reply_is_array(reply, 3))
        redis_greeted(tracker->redis);
    else
        refuse(tracker, reply, "SUBSCRIBE");
}

static void
is_tracked(void *argument, const struct redis_reply *reply)
{
    struct replica_tracker *tracker = argument;

    if (reply == NULL)
        return;
    if (redis_reply_is_status(reply, "OK"))
        redis_ask(tracker->redis, has_subscribed, tracker, SPAN("SUBSCRIBE"), channel);
    else
        refuse(tracker, reply, "CLIENT TRACKING (needs Redis 6.0 or newer)");
}

static void
has_id(void *argument, const struct redis_reply *reply)
{
    struct replica_tracker *tracker = argument;
    struct span words[6 + 2 * ARRAY_LENGTH(followed)];
    size_t count = 0;
    char id[24];

    if (reply == NULL)
        return;
    if (reply->kind != REDIS_INTEGER) {
        refuse(tracker, reply, "CLIENT ID");
        return;
    }
    snprintf(id, sizeof(id), "%" PRId64, reply->integer);
    words[count++] = SPAN("CLIENT");
    words[count++] = SPAN("TRACKING");
    words[count++] = SPAN("ON");
    words[count++] = SPAN("REDIRECT");
    words[count++] = span_of(id);
    words[count++] = SPAN("BCAST");
    for (size_t i = 0; i < ARRAY_LENGTH(followed); i++) {
        words[count++] = SPAN("PREFIX");
        words[count++] = span_of(tracker->prefixes[i]);
    }
    redis_command(tracker->redis, is_tracked, tracker, count, words);
}

static void
greet(void *argument)
{
    struct replica_tracker *tracker = argument;

    redis_ask(tracker->redis, has_id, tracker, SPAN("CLIENT"), SPAN("ID"));
}

static void
is_up(void *argument)
{
    static const struct timeval interval = {HEARTBEAT_SECONDS, 0};
    struct replica_tracker *tracker = argument;

    event_add(tracker->heartbeat, &interval);
    tracker->events.following(tracker->argument);
}

static void
is_down(void *argument, enum redis_trouble trouble, const char *why)
{
    struct replica_tracker *tracker = argument;

    (void)trouble;
    (void)why;
    event_del(tracker->heartbeat);
    tracker->events.lost(tracker->argument);
}

static bool
has_error(const struct redis_reply *keys)
{
    if (redis_reply_is_error(keys))
        return true;
    for (size_t i = 0; i < keys->count; i++) {
        if (redis_reply_is_error(&keys->elements[i]))
            return true;
    }
    return false;
}

/* [message, channel, keys]; nil for a flush.  Anybody who may PUBLISH can send other
 * things there. */
static void
was_told(void *argument, const struct redis_reply *message)
{
    struct replica_tracker *tracker = argument;
    const struct redis_reply *keys;

    if (!redis_reply_is_array(message, 3) ||
        !redis_reply_is_string(&message->elements[1]) ||
        !span_equal(message->elements[1].text, channel))
        return;
    keys = &message->elements[2];
    /* Too many keys, or too long ones: some of them are not known. */
    if (keys->kind == REDIS_NIL || has_error(keys))
        tracker->events.flushed(tracker->argument);
    else if (keys->kind == REDIS_ARRAY)
        tracker->events.changed(tracker->argument, keys->elements, keys->count);
}

struct replica_tracker *
replica_tracker_new(struct event_base *base, const struct redis_options *options,
    const char *prefix, const struct replica_tracker_events *events, void *argument)
{
    static const struct redis_events redis_events = {is_up, is_down, was_told, greet};
    struct redis_options with_heartbeat = *options;
    struct replica_tracker *tracker = allocate(sizeof(*tracker));

    tracker->events = *events;
    tracker->argument = argument;
    for (size_t i = 0; i < ARRAY_LENGTH(followed); i++) {
        if (asprintf(&tracker->prefixes[i], "%s%s", prefix, followed[i]) < 0)
            abort();
    }
    with_heartbeat.answer_ms = HEARTBEATS_MISSED * HEARTBEAT_SECONDS * 1000;
    tracker->heartbeat = allocated(event_new(base, -1, EV_PERSIST, beat, tracker));
    tracker->redis = redis_new(base, &with_heartbeat, &redis_events, tracker);
    return tracker;
}

void
replica_tracker_free(struct replica_tracker *tracker)
{
    if (tracker == NULL)
        return;
    redis_free(tracker->redis);
    event_free(tracker->heartbeat);
    for (size_t i = 0; i < ARRAY_LENGTH(followed); i++)
        free(tracker->prefixes[i]);
    free(tracker);
}

struct redis *
replica_tracker_redis(const struct replica_tracker *tracker)
{
    return tracker->redis;
}
