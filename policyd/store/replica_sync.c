#include "policyd/store/replica_sync.h"

#include <event2/event.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policyd/store/key_reader.h"
#include "policyd/store/list_reader.h"
#include "policyd/store/override.h"
#include "policyd/store/replica_log.h"
#include "policyd/store/replica_scan.h"
#include "policyd/store/replica_tracker.h"
#include "policyd/store/snapshot.h"
#include "shared/service/log.h"

enum {
    KEYS_IN_MESSAGE_MAX = 50 * 1000, /* more changed at once: read everything */
    KEYS_WAITING_MAX = 200 * 1000,
    LISTS_WAITING_MAX = 20 * 1000,
    KEYS_OCTETS_MAX = 256 * 1024 * 1024,
    ROLE_SECONDS = 5,   /* between questions whether it still is the primary */
    HEAL_MS = 2 * 1000, /* after a change, while an alarm stands: a load may end it */
    HEAL_PAUSE_MS = 10 * 1000, /* between such loads, or as much as ten of them take */
};

struct replica_sync {
    struct event_base *base;
    struct replica_sync_events events;
    void *argument;
    char *prefix;
    unsigned reload_seconds;

    struct replica_keeper *keeper;
    struct replica_log *log;
    struct snapshot *snapshot;
    struct override *override;
    int64_t snapshot_read; /* unix time of the one that was read at start */

    struct replica_tracker *tracker;
    struct reading reading; /* its connection is the second one */
    struct key_reader *keys;
    struct list_reader *lists;
    struct replica_scan *scan;
    struct buffer
        waiting; /* changed keys to be read: two octets of length, then the key */
    size_t waiting_count;

    struct event *second;
    unsigned seconds;
    bool load_wanted; /* as soon as both connections are up */
    bool in_step;     /* a load has been taken since the tracker follows */
    uint64_t load_begun_ms;
    uint64_t load_ended_ms;
    uint64_t load_took_ms;
    uint64_t changed_ms; /* the last change */
    int64_t synced;
    uint64_t loads;
    uint64_t refused;
    bool was_up;
    int64_t up_since; /* or down since */
    char policy[64];  /* maxmemory-policy; "": unknown */
};

static uint64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool
is_up(const struct replica_sync *sync)
{
    return redis_is_up(replica_tracker_redis(sync->tracker)) &&
           redis_is_up(sync->reading.redis);
}

static void
note_up(struct replica_sync *sync)
{
    if (is_up(sync) == sync->was_up)
        return;
    sync->was_up = !sync->was_up;
    sync->up_since = time(NULL);
}

static void
note_synced(struct replica_sync *sync)
{
    if (is_up(sync) && sync->in_step && sync->waiting_count == 0 &&
        replica_keeper_alarm(sync->keeper)[0] == '\0')
        sync->synced = time(NULL);
}

/* --- what the keeper tells --- */

static void
was_changed(void *argument, const struct replica_change *change)
{
    struct replica_sync *sync = argument;

    sync->changed_ms = now_ms();
    replica_log_change(sync->log, change);
    if (sync->snapshot != NULL)
        snapshot_touch(sync->snapshot);
    if (sync->events.counted != NULL)
        sync->events.counted(sync->argument, change->source);
}

static void
has_problem(void *argument, const struct replica_problem *problem, const char *kept)
{
    struct replica_sync *sync = argument;

    sync->changed_ms = now_ms();
    replica_log_problem(problem, kept);
    /* A pin that never was good is remembered as such. */
    if (sync->snapshot != NULL)
        snapshot_touch(sync->snapshot);
}

static void
was_alarmed(void *argument, const char *text)
{
    (void)argument;
    replica_log_alarm(text);
}

/* --- loads --- */

static void
start_load(struct replica_sync *sync)
{
    sync->load_wanted = true;
    if (!is_up(sync))
        return;
    sync->load_wanted = false;
    sync->load_begun_ms = now_ms();
    replica_scan_start(sync->scan);
}

static void
load_failed(void *argument)
{
    struct replica_sync *sync = argument;

    sync->load_wanted = true;
}

static void
tell_load(struct replica_sync *sync, bool taken)
{
    const struct replica *replica = replica_keeper_answering(sync->keeper);

    log_info("replica", log_text("load", taken ? "taken" : "refused"),
        log_number("domains", (int64_t)replica_domain_count(replica)),
        log_number("pins", (int64_t)replica_pin_count(replica)),
        log_number("units", (int64_t)replica_unit_count(replica)),
        log_number("members", (int64_t)replica_member_count(replica)),
        log_milliseconds("delay", (int64_t)sync->load_took_ms));
}

static void
load_finished(void *argument, bool taken)
{
    struct replica_sync *sync = argument;

    sync->load_ended_ms = now_ms();
    sync->load_took_ms = sync->load_ended_ms - sync->load_begun_ms;
    sync->loads += taken;
    sync->refused += !taken;
    sync->in_step = true;
    tell_load(sync, taken);
    note_synced(sync);
    if (sync->snapshot != NULL)
        snapshot_touch(sync->snapshot);
    if (sync->events.changed != NULL)
        sync->events.changed(sync->argument, replica_keeper_answering(sync->keeper));
    /* Something was accepted meanwhile. */
    if (replica_keeper_wants_load(sync->keeper) &&
        replica_keeper_alarm(sync->keeper)[0] == '\0')
        start_load(sync);
}

/* While an alarm stands, what was written since the last load may have ended it. */
static bool
may_heal(const struct replica_sync *sync)
{
    uint64_t now = now_ms();
    uint64_t pause = sync->load_took_ms * 10;

    if (pause < HEAL_PAUSE_MS)
        pause = HEAL_PAUSE_MS;
    return replica_keeper_wants_load(sync->keeper) && now - sync->changed_ms >= HEAL_MS &&
           now - sync->load_ended_ms >= pause;
}

/* --- changed keys --- */

static void pump(struct replica_sync *sync);

static void
read_everything(struct replica_sync *sync)
{
    buffer_reset(&sync->waiting);
    sync->waiting_count = 0;
    list_reader_forget(sync->lists);
    start_load(sync);
}

static void
accept_was_read(void *argument, const struct redis_reply *reply)
{
    struct replica_sync *sync = argument;
    struct domain_field fields[READING_FIELDS_MAX];
    struct replica_value value;

    reading_set_time(&sync->reading);
    if (reply == NULL || !reading_value(&sync->reading, reply, fields, &value))
        return;
    /* A load that runs has its own order from the operator; this one is for the next. */
    if (replica_keeper_take_accept(sync->keeper, &value) &&
        !replica_scan_is_running(sync->scan))
        start_load(sync);
}

static void
read_accept(struct replica_sync *sync)
{
    struct buffer whole;

    buffer_init(&whole, 2 * REPLICA_NAME_MAX);
    /* Should the connection be down, the load that follows asks for it first. */
    (void)redis_ask(sync->reading.redis, accept_was_read, sync, SPAN("GET"),
        reading_whole_key(&sync->reading, SPAN("accept"), &whole));
    buffer_clear(&whole);
}

/* False: it has to wait. */
static bool
read_key(struct replica_sync *sync, struct span key)
{
    static const unsigned both = (unsigned)REPLICA_ANSWERING | (unsigned)REPLICA_LOADING;
    struct replica_key about;

    reading_parse(&sync->reading, key, &about);
    switch (about.kind) {
    case REPLICA_KEY_OTHER:
        return true;
    case REPLICA_KEY_ACCEPT:
        read_accept(sync);
        return true;
    case REPLICA_KEY_LIST:
        list_reader_read(sync->lists, both, key);
        return true;
    case REPLICA_KEY_BAD:
    case REPLICA_KEY_DOMAIN:
    case REPLICA_KEY_PIN:
    case REPLICA_KEY_UNIT:
        break;
    }
    return key_reader_read(sync->keys, both, key, &about);
}

static void
pump(struct replica_sync *sync)
{
    size_t at = 0;

    while (at < sync->waiting.length && redis_is_up(sync->reading.redis)) {
        const unsigned char *length = (const unsigned char *)sync->waiting.data + at;
        struct span key = {
            sync->waiting.data + at + 2, (size_t)length[0] << 8 | (size_t)length[1]};

        if (!read_key(sync, key))
            break;
        at += 2 + key.length;
        sync->waiting_count--;
    }
    buffer_consume(&sync->waiting, at);
}

static void
put_waiting(struct replica_sync *sync, struct span key)
{
    if (key.length > UINT16_MAX)
        return; /* names nothing of ours */
    buffer_append_octet(&sync->waiting, (char)(key.length >> 8));
    buffer_append_octet(&sync->waiting, (char)(key.length & 0xff));
    buffer_append(&sync->waiting, key);
    sync->waiting_count++;
}

static void
key_is_done(void *argument)
{
    struct replica_sync *sync = argument;

    pump(sync);
    replica_scan_go_on(sync->scan);
}

static void
key_was_lost(void *argument, struct span key)
{
    put_waiting(argument, key);
}

static void
lists_are_done(void *argument)
{
    struct replica_sync *sync = argument;

    replica_scan_go_on(sync->scan);
}

/* --- the following connection --- */

/* A failover between the two connections: both go to the primary of now. */
static bool
is_same_server(struct replica_sync *sync)
{
    if (!is_up(sync) || strcmp(redis_address(replica_tracker_redis(sync->tracker)),
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
        start_load(sync);
}

static void
tracker_was_lost(void *argument)
{
    struct replica_sync *sync = argument;

    note_up(sync);
    sync->in_step = false;
    replica_scan_drop(sync->scan);
    sync->load_wanted = true;
}

static void
keys_changed(void *argument, const struct redis_reply *keys, size_t count)
{
    struct replica_sync *sync = argument;

    reading_set_time(&sync->reading);
    if (count > KEYS_IN_MESSAGE_MAX || count + sync->waiting_count > KEYS_WAITING_MAX ||
        list_reader_waiting(sync->lists) > LISTS_WAITING_MAX) {
        read_everything(sync);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (redis_reply_is_string(&keys[i]) &&
            span_starts(keys[i].text, sync->reading.prefix))
            put_waiting(sync, span_from(keys[i].text, sync->reading.prefix.length));
    }
    pump(sync);
}

static void
was_flushed(void *argument)
{
    struct replica_sync *sync = argument;

    log_info("replica", log_text("load", "begins"), log_note("Redis was flushed"));
    read_everything(sync);
}

static void
tracker_is_alive(void *argument)
{
    note_synced(argument);
}

/* --- the reading connection --- */

static void
memory_was_told(void *argument, const struct redis_reply *reply)
{
    static const struct span field = {"maxmemory_policy:", 17};
    struct replica_sync *sync = argument;
    struct span rest;
    struct span line;
    char policy[sizeof(sync->policy)] = "";

    if (reply == NULL)
        return;
    rest = reply->text;
    while (reply->kind == REDIS_STRING && span_split(&rest, '\n', &line)) {
        if (span_starts(line, field))
            (void)span_copy(
                span_trim(span_from(line, field.length)), policy, sizeof(policy));
    }
    if (policy[0] == '\0')
        snprintf(policy, sizeof(policy), "unknown");
    if (strcmp(policy, sync->policy) != 0 && strcmp(policy, "noeviction") != 0)
        log_warning("", log_text("redis", redis_address(sync->reading.redis)),
            log_text("maxmemory-policy", policy),
            log_note("should be noeviction: an evicted key looks like a deleted one"));
    snprintf(sync->policy, sizeof(sync->policy), "%s", policy);
}

static void
reader_is_up(void *argument)
{
    struct replica_sync *sync = argument;

    note_up(sync);
    if (!is_same_server(sync))
        return;
    (void)redis_ask(
        sync->reading.redis, memory_was_told, sync, SPAN("INFO"), SPAN("memory"));
    if (sync->load_wanted)
        start_load(sync);
    pump(sync);
    list_reader_resume(sync->lists);
}

static void
reader_is_down(void *argument, enum redis_trouble trouble, const char *why)
{
    struct replica_sync *sync = argument;

    (void)trouble;
    note_up(sync);
    log_debug("replica", log_text("reader", "down"), log_note(why));
    if (replica_scan_is_running(sync->scan)) {
        replica_scan_drop(sync->scan);
        sync->load_wanted = true;
    }
}

static void
role_was_told(void *argument, const struct redis_reply *reply)
{
    struct replica_sync *sync = argument;

    if (reply == NULL ||
        (redis_reply_is_array(reply, 1) && redis_reply_is_string(&reply->elements[0]) &&
            span_is(reply->elements[0].text, "master")))
        return;
    redis_drop(
        replica_tracker_redis(sync->tracker), REDIS_TROUBLE_ROLE, "no longer a primary");
    redis_drop(sync->reading.redis, REDIS_TROUBLE_ROLE, "no longer a primary");
}

/* --- once a second --- */

static void
on_second(evutil_socket_t fd, short what, void *argument)
{
    struct replica_sync *sync = argument;

    (void)fd;
    (void)what;
    reading_set_time(&sync->reading);
    if (++sync->seconds % ROLE_SECONDS == 0)
        (void)redis_ask(sync->reading.redis, role_was_told, sync, SPAN("ROLE"));
    if (replica_scan_is_running(sync->scan))
        return;
    if (sync->load_wanted || may_heal(sync) ||
        now_ms() - sync->load_ended_ms >= (uint64_t)sync->reload_seconds * 1000)
        start_load(sync);
    pump(sync);
}

/* --- the files --- */

static void
overrides_changed(void *argument, const struct override_entry *entries, size_t count)
{
    struct replica_sync *sync = argument;

    replica_keeper_set_overrides(sync->keeper, entries, count);
}

static const struct replica *
snapshot_source_of(void *argument, struct snapshot_extra *extra)
{
    struct replica_sync *sync = argument;

    extra->knows_accept = replica_keeper_accepted(sync->keeper, &extra->accepted);
    extra->written = time(NULL);
    return replica_keeper_answering(sync->keeper);
}

static void
read_snapshot(
    struct replica_sync *sync, const char *path, const struct replica_keeper_rules *rules)
{
    struct snapshot_extra extra = {.knows_accept = false};
    struct error error = {.kind = ERROR_NONE};
    uint64_t begun = now_ms();
    struct replica *replica = snapshot_read(path, rules, &extra, &error);

    if (replica != NULL) {
        replica_keeper_adopt(sync->keeper, replica, extra.knows_accept, extra.accepted);
        sync->snapshot_read = extra.written;
        log_info("snapshot", log_text("file", path),
            log_number("domains", (int64_t)replica_domain_count(replica)),
            log_number("pins", (int64_t)replica_pin_count(replica)),
            log_number("units", (int64_t)replica_unit_count(replica)),
            log_number("age", time(NULL) - extra.written),
            log_milliseconds("delay", (int64_t)(now_ms() - begun)));
    } else if (error.kind != ERROR_NONE) {
        log_warning("", log_text("snapshot", path), log_text("refused", error.text),
            log_note("starts without it"));
    }
    sync->snapshot = snapshot_new(sync->base, path, snapshot_source_of, sync);
}

/* --- public --- */

static void
open_connections(struct replica_sync *sync, const struct redis_options *options)
{
    static const struct redis_events reader_events = {
        .up = reader_is_up, .down = reader_is_down};
    static const struct replica_tracker_events tracker_events = {
        is_following, tracker_was_lost, keys_changed, was_flushed, tracker_is_alive};
    static const struct key_reader_events key_events = {key_is_done, key_was_lost};
    static const struct replica_scan_events scan_events = {load_finished, load_failed};
    struct redis_options quiet = *options;

    quiet.quiet = true;
    sync->reading.redis = redis_new(sync->base, &quiet, &reader_events, sync);
    sync->keys = key_reader_new(&sync->reading, &key_events, sync);
    sync->lists = list_reader_new(&sync->reading, lists_are_done, sync);
    sync->scan =
        replica_scan_new(&sync->reading, sync->keys, sync->lists, &scan_events, sync);
    sync->tracker =
        replica_tracker_new(sync->base, options, sync->prefix, &tracker_events, sync);
}

struct replica_sync *
replica_sync_new(struct event_base *base, const struct replica_sync_options *options,
    const struct replica_sync_events *events, void *argument)
{
    static const struct timeval second = {1, 0};
    static const struct replica_keeper_events keeper_events = {
        was_changed, has_problem, was_alarmed};
    struct replica_sync *sync = calloc(1, sizeof(*sync));
    uint64_t seed;

    if (sync == NULL)
        abort();
    evutil_secure_rng_get_bytes(&seed, sizeof(seed));
    replica_seed(seed);
    sync->base = base;
    sync->argument = argument;
    sync->prefix = strdup(options->prefix);
    sync->reload_seconds =
        options->reload_seconds == 0 ? REPLICA_RELOAD_SECONDS : options->reload_seconds;
    sync->log = replica_log_new(base);
    sync->keeper = replica_keeper_new(&options->rules, &keeper_events, sync);
    sync->reading = (struct reading){.base = base,
        .keeper = sync->keeper,
        .prefix = span_of(sync->prefix),
        .recipient = options->rules.recipient,
        .aliases = replica_alias_new()};
    sync->up_since = time(NULL);
    sync->load_ended_ms = now_ms();
    buffer_init(&sync->waiting, KEYS_OCTETS_MAX);
    reading_set_time(&sync->reading);
    if (options->snapshot[0] != '\0')
        read_snapshot(sync, options->snapshot, &options->rules);
    if (options->override[0] != '\0')
        sync->override = override_watch(base, options->override, overrides_changed, sync);
    open_connections(sync, options->redis);
    sync->second = event_new(base, -1, EV_PERSIST, on_second, sync);
    if (sync->second == NULL || sync->prefix == NULL)
        abort();
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
    replica_scan_drop(sync->scan);
    replica_tracker_free(sync->tracker);
    redis_free(sync->reading.redis);
    replica_scan_free(sync->scan);
    list_reader_free(sync->lists);
    key_reader_free(sync->keys);
    override_free(sync->override);
    snapshot_free(sync->snapshot);
    replica_alias_free(sync->reading.aliases);
    replica_keeper_free(sync->keeper);
    replica_log_free(sync->log);
    buffer_clear(&sync->waiting);
    free(sync->prefix);
    free(sync);
}

void
replica_sync_set_rules(
    struct replica_sync *sync, const struct replica_keeper_rules *rules)
{
    replica_keeper_set_rules(sync->keeper, rules);
    sync->reading.recipient = rules->recipient;
    start_load(sync);
}

const struct replica *
replica_sync_replica(const struct replica_sync *sync)
{
    return replica_keeper_answering(sync->keeper);
}

static size_t
suspect_domains(const struct replica *replica)
{
    struct replica_domain domain;
    struct span name;
    uint64_t cursor = 0;
    size_t count = 0;

    while (replica_next_domain(replica, &cursor, &name, &domain))
        count += domain.suspect && domain.ours;
    return count;
}

void
replica_sync_status(const struct replica_sync *sync, struct replica_status *status)
{
    const struct redis *tracker = replica_tracker_redis(sync->tracker);
    const struct replica_problems *problems = replica_keeper_problems(sync->keeper);
    const char *alarm = replica_keeper_alarm(sync->keeper);
    const char *why =
        redis_is_up(tracker) ? redis_why(sync->reading.redis) : redis_why(tracker);

    *status = (struct replica_status){
        .redis_up = is_up(sync),
        .redis_since = sync->up_since,
        .redis_address = redis_address(tracker),
        .redis_error = is_up(sync) ? NULL : why,
        .redis_reconnects = redis_connects(tracker) > 0 ? redis_connects(tracker) - 1 : 0,
        .synced = sync->synced,
        .loading = replica_scan_is_running(sync->scan),
        .loads = sync->loads,
        .refused = sync->refused,
        .invalid = replica_problems_count(problems, PROBLEM_INVALID),
        .suspect = suspect_domains(replica_keeper_answering(sync->keeper)),
        .alarm = alarm[0] == '\0' ? NULL : alarm,
        .snapshot_written = sync->snapshot_read,
        .overrides = sync->override == NULL ? 0 : override_count(sync->override),
    };
    for (enum redis_trouble i = 0; i < REDIS_TROUBLE_COUNT; i++)
        status->redis_troubles[i] =
            redis_troubles(tracker, i) + redis_troubles(sync->reading.redis, i);
    if (sync->snapshot == NULL)
        return;
    if (snapshot_written(sync->snapshot) != 0)
        status->snapshot_written = snapshot_written(sync->snapshot);
    status->snapshot_writes = snapshot_writes(sync->snapshot);
    status->snapshot_failures = snapshot_failures(sync->snapshot);
}

static void
note_files(const struct replica_sync *sync,
    void (*note)(void *argument, const char *text), void *argument)
{
    char line[300];

    if (sync->override != NULL && override_count(sync->override) > 0) {
        snprintf(line, sizeof(line), "the override file is in force for %zu domains",
            override_count(sync->override));
        note(argument, line);
    }
    if (sync->override != NULL && override_bad_lines(sync->override) > 0) {
        snprintf(line, sizeof(line), "the override file has %zu bad lines",
            override_bad_lines(sync->override));
        note(argument, line);
    }
    if (sync->override != NULL && override_trouble(sync->override)[0] != '\0') {
        snprintf(line, sizeof(line), "the override file can't be read: %s",
            override_trouble(sync->override));
        note(argument, line);
    }
}

void
replica_sync_notes(const struct replica_sync *sync,
    void (*note)(void *argument, const char *text), void *argument)
{
    const struct replica_problems *problems = replica_keeper_problems(sync->keeper);
    struct replica_problem problem;
    char line[700];
    size_t cursor = 0;

    if (replica_keeper_alarm(sync->keeper)[0] != '\0') {
        snprintf(line, sizeof(line), "alarm: %s", replica_keeper_alarm(sync->keeper));
        note(argument, line);
    }
    note_files(sync, note, argument);
    if (sync->policy[0] != '\0' && strcmp(sync->policy, "noeviction") != 0) {
        snprintf(line, sizeof(line), "Redis: maxmemory-policy is %s, not noeviction",
            sync->policy);
        note(argument, line);
    }
    while (replica_problems_next(problems, &cursor, &problem)) {
        replica_log_problem_line(&problem, line, sizeof(line));
        note(argument, line);
    }
}
