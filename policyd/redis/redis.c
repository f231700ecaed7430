#include "policyd/redis/redis.h"

#include <event2/event.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/redis/redis_link.h"
#include "policyd/redis/redis_login.h"
#include "policyd/redis/redis_resolve.h"
#include "policyd/redis/redis_sentinels.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    FIRST_WAIT_MS = 100,
    LONGEST_WAIT_MS = 5000,
    STABLE_MS = 1000, /* up for so long: the next wait is the first again */
    WHY_MAX = 320,
    LOGGED_MAX = WHY_MAX + 340,
};

enum phase {
    PHASE_WAITING,  /* for the next attempt */
    PHASE_SENTINEL, /* the sentinels are asked */
    PHASE_PRIMARY,  /* resolving, connecting to, logging in to what should be the primary
                     */
    PHASE_GREETING, /* its user says more */
    PHASE_UP,
};

struct redis {
    struct event_base *base;
    struct redis_options options;
    struct redis_events events;
    void *argument;
    enum phase phase;
    struct event *retry;
    struct redis_sentinels *sentinels;
    struct redis_resolve *resolve;
    struct redis_link *link;
    struct redis_login login;

    /* Of the attempt being made. */
    struct socket_address asked; /* whose targets these are */
    struct redis_target targets[REDIS_TARGETS_MAX];
    size_t target_count;
    size_t target_next;
    bool goes_on; /* with this attempt, else a new one begins */

    unsigned failures; /* attempts in a row */
    uint64_t up_since_ms;
    enum redis_trouble trouble; /* the last one */
    char why[WHY_MAX];          /* of being down */
    char logged[LOGGED_MAX];    /* what the log says already; "" after up */
    char address[300];
    uint64_t connects;
    uint64_t troubles[REDIS_TROUBLE_COUNT];
};

static const char *const trouble_names[REDIS_TROUBLE_COUNT] = {
    [REDIS_TROUBLE_RESOLVE] = "resolve",
    [REDIS_TROUBLE_CONNECT] = "connect",
    [REDIS_TROUBLE_TIMEOUT] = "timeout",
    [REDIS_TROUBLE_SENTINEL] = "sentinel",
    [REDIS_TROUBLE_AUTH] = "auth",
    [REDIS_TROUBLE_PERMISSION] = "permission",
    [REDIS_TROUBLE_DATABASE] = "database",
    [REDIS_TROUBLE_ROLE] = "role",
    [REDIS_TROUBLE_BUSY] = "busy",
    [REDIS_TROUBLE_LOST] = "lost",
    [REDIS_TROUBLE_PROTOCOL] = "protocol",
};

/* What goes wrong */

static void
note_trouble(struct redis *redis, enum redis_trouble trouble, const char *why)
{
    redis->trouble = trouble;
    redis->troubles[trouble]++;
    snprintf(redis->why, sizeof(redis->why), "%s", why);
}

/* One line a reason, however often it is met. */
static void
log_down(struct redis *redis)
{
    char line[LOGGED_MAX];

    snprintf(line, sizeof(line), "%s %s %s", trouble_names[redis->trouble],
        redis->address, redis->why);
    if (redis->options.quiet || strcmp(line, redis->logged) == 0)
        return;
    memcpy(redis->logged, line, sizeof(line));
    log_warning("", log_text("redis", "down"), log_text("address", redis->address),
        log_text("reason", trouble_names[redis->trouble]), log_note(redis->why));
}

static void
wait_for_next_attempt(struct redis *redis)
{
    unsigned longest = FIRST_WAIT_MS;
    unsigned milliseconds;
    uint32_t chance;
    struct timeval wait;

    for (unsigned i = 0; i < redis->failures && longest < LONGEST_WAIT_MS; i++)
        longest *= 2;
    if (longest > LONGEST_WAIT_MS)
        longest = LONGEST_WAIT_MS;
    evutil_secure_rng_get_bytes(&chance, sizeof(chance));
    milliseconds = longest / 2 + chance % (longest / 2 + 1);
    if (milliseconds < FIRST_WAIT_MS)
        milliseconds = FIRST_WAIT_MS;
    redis->failures++;
    redis->phase = PHASE_WAITING;
    wait = clock_timeval(milliseconds);
    event_add(redis->retry, &wait);
}

static void
close_link(struct redis *redis)
{
    struct redis_link *link = redis->link;

    redis->link = NULL;
    redis_link_free(link);
}

static void
attempt_failed(struct redis *redis, enum redis_trouble trouble, const char *why)
{
    static const struct timeval at_once = {0, 0};

    note_trouble(redis, trouble, why);
    redis->phase = PHASE_WAITING;
    close_link(redis);
    /* The next address, from the loop: whoever called may be one of its callbacks. */
    redis->goes_on = true;
    event_add(redis->retry, &at_once);
}

static void
was_lost(void *argument, enum redis_trouble trouble, const char *why)
{
    struct redis *redis = argument;
    char text[WHY_MAX];

    if (redis->phase != PHASE_UP) {
        attempt_failed(redis, trouble, why);
        return;
    }
    snprintf(text, sizeof(text), "%s", why);
    note_trouble(redis, trouble, text);
    log_down(redis);
    if (clock_now_ms() - redis->up_since_ms >= STABLE_MS)
        redis->failures = 0;
    /* Down before the callbacks in flight hear of it: what they ask in turn is refused.
     */
    wait_for_next_attempt(redis);
    close_link(redis);
    if (redis->events.down != NULL)
        redis->events.down(redis->argument, trouble, text);
}

/* The primary */

static void
is_up_now(struct redis *redis)
{
    redis->phase = PHASE_UP;
    redis->connects++;
    redis->up_since_ms = clock_now_ms();
    redis->why[0] = '\0';
    redis->logged[0] = '\0';
    if (!redis->options.quiet)
        log_info("redis", log_text("state", "up"), log_text("address", redis->address),
            log_number("database", redis->options.database));
    if (redis->events.up != NULL)
        redis->events.up(redis->argument);
}

static void
logged_in(void *argument, bool successful, enum redis_trouble trouble, const char *why)
{
    struct redis *redis = argument;

    if (!successful) {
        attempt_failed(redis, trouble, why);
        return;
    }
    if (redis->options.answer_ms != 0)
        redis_link_set_timeout(redis->link, redis->options.answer_ms);
    if (redis->events.greet == NULL) {
        is_up_now(redis);
        return;
    }
    redis->phase = PHASE_GREETING;
    redis->events.greet(redis->argument);
}

static void
was_pushed(void *argument, const struct redis_reply *message)
{
    struct redis *redis = argument;

    if (redis->phase >= PHASE_GREETING && redis->events.push != NULL)
        redis->events.push(redis->argument, message);
}

/* Sentinels */

static void
resolve_address(struct redis *redis, const struct socket_address *address)
{
    redis->phase = PHASE_PRIMARY;
    redis->asked = *address;
    socket_address_write(address, redis->address);
    redis->target_count = 0;
    redis->target_next = 0;
    redis_resolve_start(redis->resolve, address);
}

static void
sentinels_answered(void *argument, const struct socket_address *primary, const char *why)
{
    struct redis *redis = argument;

    if (redis->phase != PHASE_SENTINEL)
        return;
    if (primary != NULL)
        resolve_address(redis, primary);
    else
        attempt_failed(redis, REDIS_TROUBLE_SENTINEL, why);
}

static void
was_connected(void *argument)
{
    struct redis *redis = argument;

    redis_login_start(&redis->login, redis->link, &redis->options, logged_in, redis);
}

static void
connect_next_target(struct redis *redis)
{
    static const struct redis_link_events link_events = {
        was_connected, was_lost, was_pushed};
    struct error error = {0};

    redis->link = redis_link_open(redis->base, &redis->targets[redis->target_next++],
        &redis->options, &link_events, redis, &error);
    if (redis->link == NULL)
        attempt_failed(redis, REDIS_TROUBLE_CONNECT, error.text);
}

static void
was_resolved(
    void *argument, const struct redis_target *targets, size_t count, const char *why)
{
    struct redis *redis = argument;

    if (count == 0) {
        attempt_failed(redis, REDIS_TROUBLE_RESOLVE, why);
        return;
    }
    memcpy(redis->targets, targets, count * sizeof(*targets));
    redis->target_count = count;
    connect_next_target(redis);
}

/* This address was no good: the next one, or a pause. */
static void
try_elsewhere(struct redis *redis)
{
    if (redis->target_next < redis->target_count) {
        connect_next_target(redis);
    } else {
        log_down(redis);
        wait_for_next_attempt(redis);
    }
}

static void
start_attempt(struct redis *redis)
{
    redis->target_count = 0;
    redis->target_next = 0;
    if (redis->options.sentinel_count == 0) {
        resolve_address(redis, &redis->options.address);
        return;
    }
    redis->phase = PHASE_SENTINEL;
    redis_sentinels_ask(redis->sentinels);
}

static void
on_retry(evutil_socket_t fd, short what, void *argument)
{
    struct redis *redis = argument;
    bool goes_on = redis->goes_on;

    (void)fd;
    (void)what;
    redis->goes_on = false;
    if (goes_on)
        try_elsewhere(redis);
    else
        start_attempt(redis);
}

/* The public side */

const char *
redis_trouble_name(enum redis_trouble trouble)
{
    return trouble < REDIS_TROUBLE_COUNT ? trouble_names[trouble] : "unknown";
}

struct redis *
redis_new(struct event_base *base, const struct redis_options *options,
    const struct redis_events *events, void *argument)
{
    static const struct timeval at_once = {0, 0};
    struct redis *redis = allocate(sizeof(*redis));

    redis->base = base;
    redis_options_copy(&redis->options, options);
    redis->events = *events;
    redis->argument = argument;
    snprintf(redis->why, sizeof(redis->why), "not yet connected");
    socket_address_write(
        options->sentinel_count > 0 ? &options->sentinels[0] : &options->address,
        redis->address);
    redis->resolve =
        redis_resolve_new(base, redis->options.timeout_ms, was_resolved, redis);
    redis->sentinels =
        redis_sentinels_new(base, &redis->options, sentinels_answered, redis);
    redis->retry = allocated(event_new(base, -1, 0, on_retry, redis));
    event_add(redis->retry, &at_once);
    return redis;
}

void
redis_free(struct redis *redis)
{
    if (redis == NULL)
        return;
    redis->phase = PHASE_WAITING;
    close_link(redis);
    redis_sentinels_free(redis->sentinels);
    redis_resolve_free(redis->resolve);
    event_free(redis->retry);
    redis_options_clear(&redis->options);
    free(redis);
}

void
redis_greeted(struct redis *redis)
{
    if (redis->phase == PHASE_GREETING)
        is_up_now(redis);
}

bool
redis_is_up(const struct redis *redis)
{
    return redis->phase == PHASE_UP;
}

void
redis_drop(struct redis *redis, enum redis_trouble trouble, const char *why)
{
    if (redis->phase >= PHASE_GREETING)
        was_lost(redis, trouble, why);
}

bool
redis_command(struct redis *redis, redis_callback *callback, void *argument, size_t count,
    const struct span *words)
{
    return redis->phase >= PHASE_GREETING &&
           redis_link_send(redis->link, callback, argument, count, words);
}

size_t
redis_room(const struct redis *redis)
{
    return redis->phase >= PHASE_GREETING ? redis_link_room(redis->link) : 0;
}

const char *
redis_address(const struct redis *redis)
{
    return redis->address;
}

const char *
redis_why(const struct redis *redis)
{
    return redis->phase == PHASE_UP ? "" : redis->why;
}

uint64_t
redis_connects(const struct redis *redis)
{
    return redis->connects;
}

uint64_t
redis_troubles(const struct redis *redis, enum redis_trouble trouble)
{
    return trouble < REDIS_TROUBLE_COUNT ? redis->troubles[trouble] : 0;
}
