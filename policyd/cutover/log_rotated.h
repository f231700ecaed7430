/*
 * log_rotated - the earlier files of a log, oldest first.
 */
#ifndef POLICYD_CUTOVER_LOG_ROTATED_H
#define POLICYD_CUTOVER_LOG_ROTATED_H

#include <stdint.h>
#include <sys/types.h>
#include <zlib.h>

#include "shared/base/span.h"

/* What a file is known by; a digest of 0: no complete line yet. */
struct log_identity {
    uint64_t device;
    uint64_t inode;
    uint64_t digest;
};

struct log_rotated {
    char **paths;
    size_t count;
};

/* Of FILE: its rotated files by the time they were last written, oldest first. */
void log_rotated_find(struct log_rotated *rotated, const char *path);
void log_rotated_clear(struct log_rotated *rotated);

/* False: it can't be opened.  The digest is of the content, also of a .gz. */
bool log_identity_read(const char *path, struct log_identity *identity);

/* Whether this is the file: by inode and first line, or (a copy, a .gz) by its first line
 * alone. */
bool log_identity_matches(
    const struct log_identity *left, const struct log_identity *right);

#endif
