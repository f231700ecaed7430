/*
 * log_earlier - where to go on: among the rotated files of a log, and in it.
 *
 * All paths that are given are of files that were there a moment ago; FILE itself where
 * none of its rotations is meant.
 */
#ifndef POLICYD_FOLLOW_LOG_EARLIER_H
#define POLICYD_FOLLOW_LOG_EARLIER_H

#include "policyd/follow/log_rotated.h"

enum { LOG_PATH_MAX = 4096 };

enum log_earlier {
    LOG_EARLIER_NONE,
    LOG_EARLIER_SHORT, /* a copy ends before what was read: there is no more in it */
    LOG_EARLIER_FOUND,
};

/* Of a compressed file the size says nothing: true. */
bool log_earlier_has_octets(const char *path, uint64_t offset);

/*
 * The rotated file that was read up to `offset`: itself; with `or_copy` also a copy, the
 * latest that is long enough, since a copy may have been copied.  `out` is that file; of
 * LOG_EARLIER_SHORT what was written after the copy.
 */
enum log_earlier log_earlier_find(const char *path, const struct log_identity *identity,
    uint64_t offset, bool or_copy, char out[LOG_PATH_MAX]);

/* What was written after the file that is open as `fd`. */
void log_earlier_behind(const char *path, const struct log_identity *identity, int fd,
    char out[LOG_PATH_MAX]);

/* The oldest that was still written to after this time (unix seconds; 0: not known). */
void log_earlier_since(const char *path, int64_t seconds, char out[LOG_PATH_MAX]);

#endif
