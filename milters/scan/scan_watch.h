/*
 * scan_watch - tells when the folder of signatures has changed and then been left alone
 * for a while.
 *
 * Looked at each `check_ms`: names, sizes, times and inodes of the files libclamav would
 * load.  Updates replace several files one by one, some tools write in place: so a change
 * counts once the folder has stayed the same for `quiet_ms`.  A load that failed is
 * asked for again after ten looks, whether anything has changed or not.
 */
#ifndef MILTERS_SCAN_SCAN_WATCH_H
#define MILTERS_SCAN_SCAN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct scan_watch;

/* `changed` says whether it can load now; if not, it is asked at the next look. */
struct scan_watch *scan_watch_new(struct event_base *base, const char *folder,
    uint64_t check_ms, uint64_t quiet_ms, bool (*changed)(void *argument),
    void *argument);
void scan_watch_set(
    struct scan_watch *watch, const char *folder, uint64_t check_ms, uint64_t quiet_ms);

/* How a load went. */
void scan_watch_result(struct scan_watch *watch, bool good);
void scan_watch_free(struct scan_watch *watch);

#endif
