#include "milters/scan/scan_watch.h"

#include <dirent.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/base/allocate.h"
#include "shared/base/hash.h"
#include "shared/base/span.h"
#include "shared/service/clock.h"

struct scan_watch {
    struct event_base *base;
    struct event *timer;
    const char *folder;
    uint64_t check_ms;
    uint64_t quiet_ms;
    uint64_t loaded; /* fingerprint of what the keeper was started with */
    uint64_t seen;
    uint64_t seen_since_ms;
    uint64_t again_ms; /* when a load that failed is tried again; 0: never */
    bool (*changed)(void *argument);
    void *argument;
};

/* A load that failed is tried again after so many looks, also when nothing changes: it
 * may have been short of memory, or have met a file half written. */
enum { LOOKS_UNTIL_RETRY = 10 };

static bool
is_database(const char *name)
{
    static const char *const suffixes[] = {".cvd", ".cld", ".cud", ".hdb", ".hsb", ".hdu",
        ".hsu", ".mdb", ".msb", ".mdu", ".msu", ".ndb", ".ndu", ".ldb", ".ldu", ".sdb",
        ".zmd", ".rmd", ".idb", ".fp", ".sfp", ".gdb", ".pdb", ".wdb", ".cbc", ".ftm",
        ".cfg", ".cdb", ".cat", ".crb", ".pwdb", ".ign", ".ign2", ".imp", ".yar", ".yara",
        ".info", ".ioc", ".db"};

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        if (span_ends(span_of(name), span_of(suffixes[i])))
            return true;
    }
    return false;
}

static uint64_t
mix(uint64_t hash, const void *data, size_t length)
{
    return hash_of(span_make(data, length), (struct hash_key){.low = hash});
}

/* The order of a folder's entries is no property of its content: so their fingerprints
 * are added up. */
static uint64_t
fingerprint(const char *folder)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    uint64_t sum = 0;

    if (entries == NULL)
        return 0;
    while ((entry = readdir(entries)) != NULL) {
        uint64_t hash = 0;
        struct stat status;

        if (!is_database(entry->d_name) ||
            fstatat(dirfd(entries), entry->d_name, &status, 0) < 0)
            continue;
        hash = mix(hash, entry->d_name, strlen(entry->d_name));
        hash = mix(hash, &status.st_size, sizeof(status.st_size));
        hash = mix(hash, &status.st_mtim.tv_sec, sizeof(status.st_mtim.tv_sec));
        hash = mix(hash, &status.st_mtim.tv_nsec, sizeof(status.st_mtim.tv_nsec));
        hash = mix(hash, &status.st_ino, sizeof(status.st_ino));
        sum += hash;
    }
    (void)closedir(entries);
    return sum;
}

static void
schedule(struct scan_watch *watch, uint64_t wait_ms)
{
    struct timeval when = clock_timeval(wait_ms);

    (void)evtimer_add(watch->timer, &when);
}

static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
    struct scan_watch *watch = argument;
    uint64_t found = fingerprint(watch->folder);
    uint64_t now = clock_now_ms();

    (void)fd;
    (void)what;
    if (found != watch->seen) {
        watch->seen = found;
        watch->seen_since_ms = now;
    }
    if (watch->again_ms != 0 && now >= watch->again_ms)
        watch->loaded = ~found;
    if (found != watch->loaded && now - watch->seen_since_ms >= watch->quiet_ms &&
        watch->changed(watch->argument)) {
        watch->loaded = found;
        watch->again_ms = 0;
    }
    /* While it is moving it is looked at more closely. */
    if (watch->seen != watch->loaded && watch->quiet_ms / 4 < watch->check_ms)
        schedule(watch, watch->quiet_ms / 4 + 10);
    else
        schedule(watch, watch->check_ms);
}

struct scan_watch *
scan_watch_new(struct event_base *base, const char *folder, uint64_t check_ms,
    uint64_t quiet_ms, bool (*changed)(void *argument), void *argument)
{
    struct scan_watch *watch = allocate(sizeof(*watch));

    *watch = (struct scan_watch){.base = base, .changed = changed, .argument = argument};
    watch->timer = allocated(evtimer_new(base, on_timer, watch));
    scan_watch_set(watch, folder, check_ms, quiet_ms);
    return watch;
}

void
scan_watch_set(
    struct scan_watch *watch, const char *folder, uint64_t check_ms, uint64_t quiet_ms)
{
    watch->folder = folder;
    watch->check_ms = check_ms;
    watch->quiet_ms = quiet_ms;
    watch->loaded = fingerprint(folder);
    watch->seen = watch->loaded;
    watch->again_ms = 0;
    schedule(watch, check_ms);
}

void
scan_watch_result(struct scan_watch *watch, bool good)
{
    watch->again_ms = good ? 0 : clock_now_ms() + LOOKS_UNTIL_RETRY * watch->check_ms;
}

void
scan_watch_free(struct scan_watch *watch)
{
    if (watch == NULL)
        return;
    event_free(watch->timer);
    free(watch);
}
