#include <time.h>

#include "policyd/store/replica_sync_inside.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

/* When everything is read anew: asked for, due, or meant to end an alarm; and the word
 * that operators accept by. */

enum {
    /* A flush: a load no sooner after the last one than so many times its duration, or so
       long. */
    AGAIN_FACTOR = 3,
    SELDOM_FACTOR = 20,
    SLOW_MS = 60 * 1000, /* a load that takes so long is warned of */
    AGAIN_MS = 5 * 1000,
    /* While an alarm stands, a load may end it: so long after the last change, which may
       never be. */
    HEAL_MS = 2 * 1000,
    HEAL_LATEST_MS = 30 * 1000,
    HEAL_PAUSE_MS = 10 * 1000, /* between such loads, or ten times what one takes */
};

bool
sync_is_up(const struct replica_sync *sync)
{
    return redis_is_up(replica_tracker_redis(sync->tracker)) &&
           redis_is_up(sync->reading.redis);
}

void
sync_note_synced(struct replica_sync *sync)
{
    if (sync_is_up(sync) && sync->in_step && changed_keys_waiting(sync->changed) == 0 &&
        replica_orders_alarm(sync->orders)[0] == '\0')
        sync->synced = time(NULL);
}

void
sync_start_load(struct replica_sync *sync)
{
    sync->load_wanted = true;
    sync->load_earliest_ms = 0;
    if (!sync_is_up(sync))
        return;
    sync->load_wanted = false;
    sync->load_again = false;
    sync->load_begun_ms = clock_now_ms();
    eviction_policy_ask(&sync->policy, sync->reading.redis);
    swap_watch_ask(&sync->swap, sync->reading.redis);
    replica_scan_start(sync->scan);
}

/*
 * A load that runs goes on to its end: whoever flushes all the time would stop us from
 * ever having one.
 */
void
sync_read_everything(struct replica_sync *sync, uint64_t earliest_ms)
{
    changed_keys_forget(sync->changed);
    if (replica_scan_is_running(sync->scan)) {
        sync->load_again = true;
    } else if (earliest_ms <= clock_now_ms()) {
        sync_start_load(sync);
    } else {
        sync->load_wanted = true;
        sync->load_earliest_ms = earliest_ms;
    }
}

/* Flushes of other databases are told as well: not each of them gets a load. */
void
sync_read_after_flush(struct replica_sync *sync)
{
    uint64_t pause_ms = AGAIN_FACTOR * sync->load_took_ms;

    sync_read_everything(
        sync, sync->load_ended_ms + (pause_ms < AGAIN_MS ? pause_ms : AGAIN_MS));
}

static void
tell_load(const struct replica_sync *sync, bool taken)
{
    const struct replica *replica = replica_orders_answering(sync->orders);

    log_info("replica", log_text("load", taken ? "taken" : "refused"),
        log_number("domains", (int64_t)replica_domain_count(replica)),
        log_number("pins", (int64_t)replica_count(replica, REPLICA_PIN)),
        log_number("units", (int64_t)replica_count(replica, REPLICA_UNIT)),
        log_number("members", (int64_t)replica_member_count(replica)),
        log_milliseconds("delay", (int64_t)sync->load_took_ms));
    if (sync->load_took_ms >= SLOW_MS)
        log_warning("replica", log_text("load", "slow"),
            log_milliseconds("delay", (int64_t)sync->load_took_ms),
            log_note("postshift-cutover-large(7) has where one Redis ends"));
}

void
sync_load_finished(void *argument, bool taken)
{
    struct replica_sync *sync = argument;

    sync->load_ended_ms = clock_now_ms();
    sync->load_took_ms = sync->load_ended_ms - sync->load_begun_ms;
    sync->loads += taken;
    sync->refused += !taken;
    sync->in_step = true;
    replica_log_readable(sync->log, sync->reading.redis);
    tell_load(sync, taken);
    sync_note_synced(sync);
    if (sync->snapshot != NULL)
        snapshot_touch(sync->snapshot);
    if (sync->events.changed != NULL)
        sync->events.changed(sync->argument, replica_orders_answering(sync->orders));
    if (replica_orders_has_accept(sync->orders) || sync->load_again)
        sync_start_load(sync);
}

void
sync_load_failed(void *argument)
{
    struct replica_sync *sync = argument;

    sync->load_wanted = true;
}

/* While an alarm stands, what was written since the last load may have ended it. */
static bool
may_heal(const struct replica_sync *sync)
{
    uint64_t now = clock_now_ms();
    uint64_t since = now - sync->load_ended_ms;

    return replica_orders_wants_load(sync->orders) && since >= HEAL_PAUSE_MS &&
           since >= 10 * sync->load_took_ms &&
           (now - sync->changed_ms >= HEAL_MS || since >= HEAL_LATEST_MS);
}

/* Between two loads that nothing asks for.  One that takes long, since there is much or
 * Redis has many to serve, is followed by a longer pause: all of them together take at
 * most a twentieth of Redis' time from it. */
static uint64_t
regular_pause_ms(const struct replica_sync *sync)
{
    uint64_t usual = (uint64_t)sync->reload_seconds * 1000 + sync->spread_ms;
    uint64_t long_ms = SELDOM_FACTOR * sync->load_took_ms;

    return long_ms > usual ? long_ms : usual;
}

bool
sync_is_load_due(const struct replica_sync *sync)
{
    uint64_t now = clock_now_ms();

    return (sync->load_wanted && now >= sync->load_earliest_ms) || may_heal(sync) ||
           now - sync->load_ended_ms >= regular_pause_ms(sync);
}

/* --- what operators accept --- */

static void
accept_was_read(void *argument, const struct redis_reply *reply, bool stale)
{
    struct replica_sync *sync = argument;
    struct domain_field fields[READING_FIELDS_MAX];
    struct replica_value value;

    (void)stale;
    if (reply == NULL || !reading_value(&sync->reading, reply, fields, &value))
        return;
    if (!replica_orders_take_accept(sync->orders, &value))
        return;
    /* The load that runs began before the word was given; one with a word of its own
     * first brings that to pass. */
    if (!replica_scan_is_running(sync->scan) ||
        !replica_orders_is_accepting(sync->orders))
        sync_start_load(sync);
}

void
sync_read_accept(void *argument)
{
    struct replica_sync *sync = argument;
    struct buffer whole;

    buffer_init(&whole, (size_t)2 * REPLICA_NAME_MAX);
    /* With the connection down, it is read as soon as that is up. */
    (void)reading_ask_words(&sync->reading, REPLICA_ANSWERING, accept_was_read, sync,
        SPAN("GET"), reading_whole_key(&sync->reading, SPAN("accept"), &whole));
    buffer_clear(&whole);
}
