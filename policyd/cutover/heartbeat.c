#include "policyd/cutover/heartbeat.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "policyd/redis/redis.h"
#include "policyd/replica/replica_digest.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum {
    EACH_MS = 5000,
    FIRST_MS = 1000,
    CALM_MS = 100, /* changes come in bunches */
    SLICE_MS = 10,
    ENTRIES = 500,
    KEY_SIZE = 1024,
    NUMBER_SIZE = 24,
};

#define KEPT_SECONDS "691200" /* 8 days, as counts are */

struct heartbeat {
    struct heartbeat_options options;
    struct redis *redis;
    const struct replica *replica;
    struct event *beat;
    struct event *work; /* on the digest */
    struct replica_digest digest;
    bool has_said; /* anything yet */
    bool is_known; /* the digest is that of the replica as it is */
};

/* --- the digest --- */

static void
work(evutil_socket_t fd, short what, void *argument)
{
    struct heartbeat *heartbeat = argument;
    uint64_t end = clock_now_ms() + SLICE_MS;
    struct timeval pause = clock_timeval(SLICE_MS);

    (void)fd;
    (void)what;
    while (!heartbeat->is_known && clock_now_ms() < end)
        heartbeat->is_known =
            replica_digest_step(&heartbeat->digest, heartbeat->replica, ENTRIES);
    if (!heartbeat->is_known)
        (void)event_add(heartbeat->work, &pause);
}

void
heartbeat_changed(struct heartbeat *heartbeat, const struct replica *replica)
{
    struct timeval calm = clock_timeval(CALM_MS);

    heartbeat->replica = replica;
    heartbeat->is_known = false;
    replica_digest_begin(&heartbeat->digest, heartbeat->options.without_hops);
    (void)event_add(heartbeat->work, &calm);
}

bool
heartbeat_digest(const struct heartbeat *heartbeat, char digest[HEARTBEAT_DIGEST_SIZE])
{
    if (!heartbeat->is_known || !replica_is_loaded(heartbeat->replica))
        return false;
    (void)snprintf(digest, HEARTBEAT_DIGEST_SIZE, "%016" PRIx64, heartbeat->digest.sum);
    return true;
}

/* --- the beat --- */

static struct span
number_text(bool is_known, uint64_t number, char text[NUMBER_SIZE])
{
    if (!is_known)
        return SPAN("unknown");
    (void)snprintf(text, NUMBER_SIZE, "%" PRIu64, number);
    return span_of(text);
}

static void
tell(struct heartbeat *heartbeat)
{
    const struct heartbeat_options *options = &heartbeat->options;
    struct heartbeat_facts facts = {.log_time = 0};
    char digest[HEARTBEAT_DIGEST_SIZE];
    char texts[4][NUMBER_SIZE];
    char key[KEY_SIZE];

    if (!redis_is_up(heartbeat->redis) || redis_room(heartbeat->redis) < 3)
        return;
    options->gather(options->argument, &facts);
    (void)snprintf(key, sizeof(key), "%sgateway:%s", options->prefix, options->gateway);
    (void)redis_ask(heartbeat->redis, NULL, NULL, SPAN("HSET"), span_of(key),
        SPAN("version"), SPAN(POSTSHIFT_VERSION), SPAN("digest"),
        heartbeat_digest(heartbeat, digest) ? span_of(digest) : SPAN("unknown"),
        SPAN("log_time"),
        number_text(facts.log_time > 0, (uint64_t)facts.log_time, texts[0]),
        SPAN("books"), number_text(facts.is_known, facts.difference, texts[1]),
        SPAN("waiting"), number_text(facts.is_known, facts.waiting, texts[2]),
        SPAN("time"), number_text(true, (uint64_t)time(NULL), texts[3]));
    if (options->site[0] != '\0')
        (void)redis_ask(heartbeat->redis, NULL, NULL, SPAN("HSET"), span_of(key),
            SPAN("site"), span_of(options->site));
    else if (!heartbeat->has_said)
        (void)redis_ask(
            heartbeat->redis, NULL, NULL, SPAN("HDEL"), span_of(key), SPAN("site"));
    heartbeat->has_said = true;
    (void)redis_ask(
        heartbeat->redis, NULL, NULL, SPAN("EXPIRE"), span_of(key), SPAN(KEPT_SECONDS));
}

static void
beat(evutil_socket_t fd, short what, void *argument)
{
    struct heartbeat *heartbeat = argument;
    uint64_t slot_ms = heartbeat->options.slot_ms;
    struct timeval pause = clock_timeval(slot_ms < EACH_MS ? slot_ms : EACH_MS);

    (void)fd;
    (void)what;
    tell(heartbeat);
    (void)event_add(heartbeat->beat, &pause);
}

struct heartbeat *
heartbeat_new(struct event_base *base, struct redis *redis, const struct replica *replica,
    const struct heartbeat_options *options)
{
    struct heartbeat *heartbeat = allocate(sizeof(*heartbeat));
    struct timeval first = clock_timeval(FIRST_MS);

    heartbeat->options = *options;
    heartbeat->redis = redis;
    heartbeat->beat = allocated(evtimer_new(base, beat, heartbeat));
    heartbeat->work = allocated(evtimer_new(base, work, heartbeat));
    (void)event_add(heartbeat->beat, &first);
    heartbeat_changed(heartbeat, replica);
    return heartbeat;
}

void
heartbeat_free(struct heartbeat *heartbeat)
{
    if (heartbeat == NULL)
        return;
    event_free(heartbeat->beat);
    event_free(heartbeat->work);
    free(heartbeat);
}
