#include <event2/event.h>
#include <time.h>

#include "policyd/store/replica_sync_inside.h"
#include "policyd/store/snapshot_file.h"
#include "policyd/store/state_record.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

/* The files beside Redis: the snapshot that is read at start, the override file that
 * wins. */

static void
overrides_changed(
    void *argument, const struct override_entry *entries, size_t count, bool unclear)
{
    struct replica_sync *sync = argument;

    replica_orders_set_overrides(sync->orders, entries, count, unclear);
}

static const struct replica *
give_to_snapshot(void *argument, struct snapshot_extra *extra)
{
    struct replica_sync *sync = argument;

    extra->knows_accept = replica_orders_accepted(sync->orders, &extra->accepted);
    extra->written = time(NULL);
    return replica_orders_answering(sync->orders);
}

static void
tell_snapshot(const struct replica_sync *sync, const char *path, uint64_t took_ms)
{
    const struct replica *replica = replica_orders_answering(sync->orders);

    log_info("snapshot", log_text("file", path),
        log_number("domains", (int64_t)replica_domain_count(replica)),
        log_number("pins", (int64_t)replica_count(replica, REPLICA_PIN)),
        log_number("units", (int64_t)replica_count(replica, REPLICA_UNIT)),
        log_number("age", time(NULL) - sync->snapshot_read),
        log_milliseconds("delay", (int64_t)took_ms));
}

static void
open_snapshot(
    struct replica_sync *sync, const char *path, const struct replica_rules *rules)
{
    struct snapshot_extra extra = {.knows_accept = false};
    struct error error = {.kind = ERROR_NONE};
    uint64_t begun_ms = clock_now_ms();
    struct replica *replica = snapshot_file_read(path, rules, &extra, &error);

    if (replica != NULL) {
        if (state_record_read(path, rules, replica, &extra.written))
            log_warning("", log_text("snapshot", path),
                log_number("age", time(NULL) - extra.written),
                log_note("the domains' states are newer than the snapshot, which could "
                         "not be written"));
        replica_orders_adopt(sync->orders, replica, extra.knows_accept, extra.accepted);
        sync->snapshot_read = extra.written;
        tell_snapshot(sync, path, clock_now_ms() - begun_ms);
    } else if (error.kind != ERROR_NONE) {
        log_warning("", log_text("snapshot", path), log_text("refused", error.text),
            log_note("starts without it"));
    }
    sync->snapshot = snapshot_new(sync->base, path, give_to_snapshot, sync);
}

void
sync_open_files(struct replica_sync *sync, const struct replica_sync_options *options)
{
    if (options->snapshot[0] != '\0')
        open_snapshot(sync, options->snapshot, &options->rules);
    if (options->override[0] != '\0')
        sync->override =
            override_watch(sync->base, options->override, overrides_changed, sync);
}
