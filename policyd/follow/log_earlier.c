#include "policyd/follow/log_earlier.h"

#include <stdio.h>
#include <sys/stat.h>

typedef bool same(const struct log_identity *, const struct log_identity *);

/* The place of FILE is behind all of its rotations. */
static void
give(const struct log_rotated *rotated, size_t place, const char *path,
    char out[LOG_PATH_MAX])
{
    (void)snprintf(
        out, LOG_PATH_MAX, "%s", place < rotated->count ? rotated->paths[place] : path);
}

bool
log_earlier_has_octets(const char *path, uint64_t offset)
{
    struct stat status;

    return span_ends(span_of(path), SPAN(".gz")) ||
           (stat(path, &status) == 0 && (uint64_t)status.st_size >= offset);
}

static enum log_earlier
find(const struct log_rotated *rotated, const struct log_identity *identity,
    uint64_t offset, same *is_same, size_t *place)
{
    enum log_earlier found = LOG_EARLIER_NONE;

    for (size_t i = rotated->count; i > 0 && found != LOG_EARLIER_FOUND; i--) {
        struct log_identity other;

        if (!log_identity_read(rotated->paths[i - 1], &other) ||
            !is_same(&other, identity))
            continue;
        if (log_earlier_has_octets(rotated->paths[i - 1], offset)) {
            found = LOG_EARLIER_FOUND;
            *place = i - 1;
        } else if (found == LOG_EARLIER_NONE) {
            found = LOG_EARLIER_SHORT;
            *place = i;
        }
    }
    return found;
}

enum log_earlier
log_earlier_find(const char *path, const struct log_identity *identity, uint64_t offset,
    bool or_copy, char out[LOG_PATH_MAX])
{
    struct log_rotated rotated;
    enum log_earlier found;
    size_t place = 0;

    log_rotated_find(&rotated, path);
    found = find(&rotated, identity, offset, log_identity_is, &place);
    if (found != LOG_EARLIER_FOUND && or_copy)
        found = find(&rotated, identity, offset, log_identity_matches, &place);
    if (found != LOG_EARLIER_NONE)
        give(&rotated, place, path, out);
    log_rotated_clear(&rotated);
    return found;
}

/* Behind itself; else behind what was made of it (a copy, a .gz), of the same time before
 * others that begin alike.  SIZE_MAX: it is not there. */
static size_t
place_behind_itself(
    const struct log_rotated *rotated, const struct log_identity *identity, int fd)
{
    size_t behind = SIZE_MAX;
    bool has_time = false;
    struct stat open_one = {.st_mtime = 0};
    struct stat other;

    (void)fstat(fd, &open_one);
    for (size_t i = 0; i < rotated->count; i++) {
        struct log_identity found;

        if (!log_identity_read(rotated->paths[i], &found))
            continue;
        if (log_identity_is(&found, identity))
            return i + 1;
        if (!log_identity_matches(&found, identity) ||
            stat(rotated->paths[i], &other) != 0)
            continue;
        if (other.st_mtime != open_one.st_mtime && has_time)
            continue;
        has_time = has_time || other.st_mtime == open_one.st_mtime;
        behind = i + 1;
    }
    return behind;
}

static bool
is_later(const struct timespec *left, const struct timespec *right)
{
    return left->tv_sec > right->tv_sec ||
           (left->tv_sec == right->tv_sec && left->tv_nsec > right->tv_nsec);
}

static size_t
place_since(const struct log_rotated *rotated, const struct timespec *since)
{
    size_t place = 0;
    struct stat other;

    while (place < rotated->count &&
           (stat(rotated->paths[place], &other) != 0 || !is_later(&other.st_mtim, since)))
        place++;
    return place;
}

void
log_earlier_behind(
    const char *path, const struct log_identity *identity, int fd, char out[LOG_PATH_MAX])
{
    struct log_rotated rotated;
    struct stat open_one;
    size_t place;

    log_rotated_find(&rotated, path);
    place = place_behind_itself(&rotated, identity, fd);
    if (place == SIZE_MAX)
        place = fstat(fd, &open_one) == 0 ? place_since(&rotated, &open_one.st_mtim)
                                          : rotated.count;
    give(&rotated, place, path, out);
    log_rotated_clear(&rotated);
}

void
log_earlier_since(const char *path, int64_t seconds, char out[LOG_PATH_MAX])
{
    /* To its end: what was written in that second may have been read. */
    const struct timespec since = {.tv_sec = (time_t)seconds, .tv_nsec = 999999999};
    struct log_rotated rotated;

    log_rotated_find(&rotated, path);
    give(
        &rotated, seconds > 0 ? place_since(&rotated, &since) : rotated.count, path, out);
    log_rotated_clear(&rotated);
}
