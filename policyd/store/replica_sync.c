#include "policyd/store/replica_sync.h"

#include <event2/event.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/store/replica_sync_inside.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    ROLE_SECONDS = 5, /* between questions whether it still is the primary */
};

static void
note_up(struct replica_sync *sync)
{
    if (sync_is_up(sync) == sync->was_up)
        return;
    sync->was_up = !sync->was_up;
    sync->up_since = time(NULL);
}

/* --- what replica_orders tells --- */

static void
touch(struct replica_sync *sync)
{
    sync->changed_ms = clock_now_ms();
    if (sync->snapshot != NULL)
        snapshot_touch(sync->snapshot);
}

static void
was_changed(void *argument, const struct replica_change *change)
{
    struct replica_sync *sync = argument;

    touch(sync);
    if (sync->events.told != NULL)
        sync->events.told(sync->argument, change);
    else
        replica_log_change(sync->log, change);
    if (sync->events.counted != NULL)
        sync->events.counted(sync->argument, change->source);
}

static void
has_problem(void *argument, const struct replica_problem *problem, const char *kept)
{
    replica_log_problem(problem, kept);
    /* A pin that never was good is remembered as such. */
    touch(argument);
}

static void
was_alarmed(void *argument, const char *text)
{
    (void)argument;
    replica_log_alarm(text);
}

static void
scan_may_go_on(void *argument)
{
    struct replica_sync *sync = argument;

    replica_scan_go_on(sync->scan);
}

/* --- the following connection --- */

/* A failover between the two connections: both go to the primary of now. */
static bool
is_same_server(struct replica_sync *sync)
{
    if (!sync_is_up(sync) || strcmp(redis_address(replica_tracker_redis(sync->tracker)),
                                 redis_address(sync->reading.redis)) == 0)
        return true;
    redis_drop(
        sync->reading.redis, REDIS_TROUBLE_ROLE, "not the server that is followed");
    return false;
}

static void
is_following(void *argument)
{
    struct replica_sync *sync = argument;

    note_up(sync);
    sync->in_step = false;
    if (is_same_server(sync))
        sync_start_load(sync);
}

/* Changes go unheard until it is back: a load that runs may miss some. */
static void
tracker_was_lost(void *argument)
{
    struct replica_sync *sync = argument;

    note_up(sync);
    sync->in_step = false;
    sync->load_wanted = true;
    replica_scan_drop(sync->scan);
}

static void
keys_changed(void *argument, const struct redis_reply *keys, size_t count)
{
    struct replica_sync *sync = argument;

    /* Some keys are not going to be read one by one: at once. */
    if (!changed_keys_put(sync->changed, keys, count))
        sync_read_everything(sync, 0);
}

static void
was_flushed(void *argument)
{
    log_debug("replica", log_note("Redis was flushed"));
    sync_read_after_flush(argument);
}

static void
was_swapped(void *argument)
{
    log_info(
        "replica", log_text("redis", "SWAPDB"), log_note("everything is read again"));
    sync_read_everything(argument, 0);
}

static void
tracker_is_alive(void *argument)
{
    sync_note_synced(argument);
}

/* --- the reading connection --- */

static void
reader_is_up(void *argument)
{
    struct replica_sync *sync = argument;

    note_up(sync);
    swap_watch_forget(&sync->swap);
    if (!is_same_server(sync))
        return;
    if (sync->load_wanted)
        sync_start_load(sync);
    else
        sync_read_accept(sync);
    changed_keys_read(sync->changed);
}

/* The following connection tells when Redis goes; that it is there, but can't be read, is
 * known here alone. */
static bool
is_unreadable(const struct replica_sync *sync, enum redis_trouble trouble)
{
    return redis_is_up(replica_tracker_redis(sync->tracker)) &&
           (trouble == REDIS_TROUBLE_PERMISSION || trouble == REDIS_TROUBLE_PROTOCOL ||
               trouble == REDIS_TROUBLE_BUSY);
}

static void
reader_is_down(void *argument, enum redis_trouble trouble, const char *why)
{
    struct replica_sync *sync = argument;

    log_debug("replica", log_text("reader", "down"),
        log_text("reason", redis_trouble_name(trouble)), log_note(why));
    if (is_unreadable(sync, trouble))
        replica_log_unreadable(sync->log, sync->reading.redis, trouble, why);
    note_up(sync);
    if (!replica_scan_is_running(sync->scan))
        return;
    sync->load_wanted = true;
    replica_scan_drop(sync->scan);
}

static void
role_was_told(void *argument, const struct redis_reply *reply)
{
    static const char why[] = "no longer a primary";
    struct replica_sync *sync = argument;

    if (reply == NULL ||
        (redis_reply_is_array(reply, 1) && redis_reply_is_string(&reply->elements[0]) &&
            span_is(reply->elements[0].text, "master")))
        return;
    redis_drop(replica_tracker_redis(sync->tracker), REDIS_TROUBLE_ROLE, why);
    redis_drop(sync->reading.redis, REDIS_TROUBLE_ROLE, why);
}

/* An old primary that still answers is not the one that orders are written to. */
static void
primary_was_told(void *argument, const struct socket_address *primary)
{
    struct replica_sync *sync = argument;
    struct redis *redis = replica_tracker_redis(sync->tracker);
    char address[300];
    char why[400];

    socket_address_write(primary, address);
    if (!redis_is_up(redis) || strcmp(redis_address(redis), address) == 0)
        return;
    snprintf(why, sizeof(why), "the sentinels name %s as the primary", address);
    redis_drop(redis, REDIS_TROUBLE_ROLE, why);
    redis_drop(sync->reading.redis, REDIS_TROUBLE_ROLE, why);
}

static void
on_second(evutil_socket_t fd, short what, void *argument)
{
    struct replica_sync *sync = argument;

    (void)fd;
    (void)what;
    reading_set_time(&sync->reading);
    if (++sync->seconds % ROLE_SECONDS == 0)
        (void)redis_ask(sync->reading.redis, role_was_told, sync, SPAN("ROLE"));
    if (sync->seconds % SWAP_WATCH_SECONDS == 0)
        swap_watch_ask(&sync->swap, sync->reading.redis);
    if (!replica_scan_is_running(sync->scan) && sync_is_load_due(sync))
        sync_start_load(sync);
}

/* --- public --- */

static void
open_connections(
    struct replica_sync *sync, const struct redis_options *options, const char *prefix)
{
    static const struct redis_events reader_events = {
        .up = reader_is_up, .down = reader_is_down};
    static const struct replica_tracker_events tracker_events = {
        is_following, tracker_was_lost, keys_changed, was_flushed, tracker_is_alive};
    static const struct changed_keys_events changed_events = {
        sync_read_accept, scan_may_go_on, scan_may_go_on};
    static const struct replica_scan_events scan_events = {
        sync_load_finished, sync_load_failed};
    struct redis_options quiet = *options;

    sync->prefix = allocate_text(span_of(prefix));
    sync->reading.prefix = span_of(sync->prefix);
    quiet.quiet = true;
    sync->reading.redis = redis_new(sync->base, &quiet, &reader_events, sync);
    sync->changed = changed_keys_new(&sync->reading, &changed_events, sync);
    sync->scan = replica_scan_new(&sync->reading, changed_keys_reader(sync->changed),
        changed_keys_lists(sync->changed), &scan_events, sync);
    sync->tracker =
        replica_tracker_new(sync->base, options, sync->prefix, &tracker_events, sync);
    sync->failover = redis_failover_new(sync->base, options, primary_was_told, sync);
}

static void
close_connections(struct replica_sync *sync)
{
    replica_scan_drop(sync->scan);
    redis_failover_free(sync->failover);
    replica_tracker_free(sync->tracker);
    redis_free(sync->reading.redis);
    replica_scan_free(sync->scan);
    changed_keys_free(sync->changed);
    free(sync->prefix);
}

static void
set_up(struct replica_sync *sync, const struct replica_sync_options *options)
{
    static const struct replica_events orders_events = {
        was_changed, has_problem, was_alarmed};
    uint32_t chance;

    sync->reload_seconds =
        options->reload_seconds == 0 ? REPLICA_RELOAD_SECONDS : options->reload_seconds;
    evutil_secure_rng_get_bytes(&chance, sizeof(chance));
    sync->spread_ms = chance % (sync->reload_seconds * 100 + 1);
    sync->log = replica_log_new(sync->base);
    sync->orders = replica_orders_new(&options->rules, &orders_events, sync);
    sync->swap = (struct swap_watch){.swapped = was_swapped, .argument = sync};
    sync->reading = (struct reading){.base = sync->base,
        .orders = sync->orders,
        .recipient = options->rules.recipient,
        .odd_keys = odd_keys_new()};
    sync->up_since = time(NULL);
    sync->load_ended_ms = clock_now_ms();
    reading_set_time(&sync->reading);
}

struct replica_sync *
replica_sync_new(struct event_base *base, const struct replica_sync_options *options,
    const struct replica_sync_events *events, void *argument)
{
    static const struct timeval second = {1, 0};
    struct replica_sync *sync = allocate(sizeof(*sync));
    uint64_t seed;

    evutil_secure_rng_get_bytes(&seed, sizeof(seed));
    replica_seed(seed);
    sync->base = base;
    sync->argument = argument;
    set_up(sync, options);
    sync_open_files(sync, options);
    open_connections(sync, options->redis, options->prefix);
    sync->second = allocated(event_new(base, -1, EV_PERSIST, on_second, sync));
    event_add(sync->second, &second);
    sync->events = *events;
    return sync;
}

void
replica_sync_free(struct replica_sync *sync)
{
    if (sync == NULL)
        return;
    event_free(sync->second);
    close_connections(sync);
    override_free(sync->override);
    snapshot_free(sync->snapshot);
    odd_keys_free(sync->reading.odd_keys);
    replica_orders_free(sync->orders);
    replica_log_free(sync->log);
    free(sync);
}

void
replica_sync_set_redis(
    struct replica_sync *sync, const struct redis_options *options, const char *prefix)
{
    close_connections(sync);
    sync->in_step = false;
    sync->policy = (struct eviction_policy){.redis = NULL};
    open_connections(sync, options, prefix);
    note_up(sync);
    sync->load_wanted = true;
}

void
replica_sync_set_rules(struct replica_sync *sync, const struct replica_rules *rules)
{
    reading_set_time(&sync->reading);
    replica_orders_set_rules(sync->orders, rules);
    sync->reading.recipient = rules->recipient;
    sync_start_load(sync);
}

const struct replica *
replica_sync_replica(const struct replica_sync *sync)
{
    return replica_orders_answering(sync->orders);
}
