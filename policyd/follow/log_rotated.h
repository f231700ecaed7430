/*
 * log_rotated - the earlier files of a log, oldest first.
 */
#ifndef POLICYD_FOLLOW_LOG_ROTATED_H
#define POLICYD_FOLLOW_LOG_ROTATED_H

#include <stdint.h>

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

/* Of FILE: its rotated files, oldest first, by number or date of their names.  Of
 * FILE.1 and FILE.1.gz the first alone: the other is being made of it. */
void log_rotated_find(struct log_rotated *rotated, const char *path);
void log_rotated_clear(struct log_rotated *rotated);

/* False: it can't be opened or read (errno).  The digest is of the content, also of a
 * .gz. */
bool log_identity_read(const char *path, struct log_identity *identity);

/* Of an open file, which stands at its beginning then.  False also where it is none, but
 * a folder (EISDIR) or a pipe (ESPIPE). */
bool log_identity_of(int fd, struct log_identity *identity);

uint64_t log_identity_digest(struct span first_line); /* without its end */

/* Whether this is the file, or a copy of it, or its .gz: by the first line; by the inode
 * where one of them had no complete line yet. */
bool log_identity_matches(
    const struct log_identity *left, const struct log_identity *right);

/* The same file, and not another with such a first line. */
bool log_identity_is(const struct log_identity *left, const struct log_identity *right);

#endif
