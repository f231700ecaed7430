#include <stdio.h>

#include "policyd/store/replica_sync_inside.h"

/* What replica_sync tells of itself. */

/* Nobody is to miss pins, units or a list that are kept by looking at domains alone. */
static size_t
count_suspect(const struct replica_orders *orders)
{
    const struct replica *replica = replica_orders_answering(orders);
    struct replica_domain domain;
    struct span name;
    uint64_t cursor = 0;
    size_t count = 0;

    while (replica_next_domain(replica, &cursor, &name, &domain))
        count += domain.suspect && domain.ours;
    if (count == 0 &&
        (replica_orders_alarm(orders)[0] != '\0' ||
            replica_problems_count(replica_orders_problems(orders), PROBLEM_GONE) > 0))
        count = 1;
    return count;
}

static void
fill_redis(const struct replica_sync *sync, struct replica_status *status)
{
    const struct redis *tracker = replica_tracker_redis(sync->tracker);
    const struct redis *reader = sync->reading.redis;
    uint64_t connects = redis_connects(tracker);

    status->redis_up = sync_is_up(sync);
    status->redis_since = sync->up_since;
    status->redis_address = redis_address(tracker);
    if (!status->redis_up)
        status->redis_error =
            redis_is_up(tracker) ? redis_why(reader) : redis_why(tracker);
    status->redis_reconnects = connects > 0 ? connects - 1 : 0;
    for (enum redis_trouble i = 0; i < REDIS_TROUBLE_COUNT; i++)
        status->redis_troubles[i] =
            redis_troubles(tracker, i) + redis_troubles(reader, i);
}

static void
fill_files(const struct replica_sync *sync, struct replica_status *status)
{
    status->snapshot_written = sync->snapshot_read;
    if (sync->snapshot != NULL) {
        if (snapshot_written(sync->snapshot) != 0)
            status->snapshot_written = snapshot_written(sync->snapshot);
        status->snapshot_writes = snapshot_writes(sync->snapshot);
        status->snapshot_failures = snapshot_failures(sync->snapshot);
    }
    if (sync->override != NULL)
        status->overrides = override_count(sync->override);
}

void
replica_sync_status(const struct replica_sync *sync, struct replica_status *status)
{
    const char *alarm = replica_orders_alarm(sync->orders);

    *status = (struct replica_status){
        .synced = sync->synced,
        .loading = replica_scan_is_running(sync->scan),
        .loads = sync->loads,
        .refused = sync->refused,
        .invalid = replica_problems_count(
            replica_orders_problems(sync->orders), PROBLEM_INVALID),
        .suspect = count_suspect(sync->orders),
        .alarm = alarm[0] == '\0' ? NULL : alarm,
    };
    fill_redis(sync, status);
    fill_files(sync, status);
}

static void
note_override(const struct override *override,
    void (*note)(void *argument, const char *text), void *argument)
{
    char line[300];

    if (override_count(override) > 0) {
        snprintf(line, sizeof(line), "the override file is in force for %zu domain%s",
            override_count(override), override_count(override) == 1 ? "" : "s");
        note(argument, line);
    }
    if (override_bad_lines(override) > 0) {
        snprintf(line, sizeof(line), "the override file has %zu bad line%s",
            override_bad_lines(override), override_bad_lines(override) == 1 ? "" : "s");
        note(argument, line);
    }
    if (override_trouble(override)[0] != '\0') {
        snprintf(line, sizeof(line), "the override file can't be read: %s",
            override_trouble(override));
        note(argument, line);
    }
}

/* What changes nothing of what is answered. */
static bool
is_warning(enum replica_problem_kind kind)
{
    return kind == PROBLEM_UNKNOWN || kind == PROBLEM_REFUSED || kind == PROBLEM_DOUBLE;
}

static void
note_problems(const struct replica_problems *problems,
    void (*note)(void *argument, const char *text), void *argument)
{
    struct replica_problem problem;
    char line[700];
    size_t cursor = 0;

    while (replica_problems_next(problems, &cursor, &problem)) {
        size_t used = is_warning(problem.kind)
                          ? (size_t)snprintf(line, sizeof(line), "warning: ")
                          : 0;

        replica_log_problem_line(&problem, line + used, sizeof(line) - used);
        note(argument, line);
    }
}

void
replica_sync_notes(const struct replica_sync *sync,
    void (*note)(void *argument, const char *text), void *argument)
{
    const char *alarm = replica_orders_alarm(sync->orders);
    char line[700];

    if (alarm[0] != '\0') {
        snprintf(line, sizeof(line), "alarm: %s", alarm);
        note(argument, line);
    }
    if (sync->override != NULL)
        note_override(sync->override, note, argument);
    if (sync->snapshot != NULL && snapshot_trouble(sync->snapshot, line, sizeof(line)))
        note(argument, line);
    if (!eviction_policy_is_safe(&sync->policy)) {
        snprintf(line, sizeof(line),
            "warning: Redis may evict keys of ours: maxmemory-policy is %s, not "
            "noeviction",
            sync->policy.name);
        note(argument, line);
    }
    note_problems(replica_orders_problems(sync->orders), note, argument);
}
