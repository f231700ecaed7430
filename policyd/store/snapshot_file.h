/*
 * snapshot_file - the file of a snapshot: read, and written so that a crash at any moment
 * leaves the former one or the new one.
 */
#ifndef POLICYD_STORE_SNAPSHOT_FILE_H
#define POLICYD_STORE_SNAPSHOT_FILE_H

#include "policyd/replica/snapshot_reader.h"

/*
 * Reads the whole file; blocks, about a second for a million pins.  NULL: there is none
 * (error kind ERROR_NONE), or it can't be used (the error says why).
 */
struct replica *snapshot_file_read(const char *path, const struct replica_rules *rules,
    struct snapshot_extra *extra, struct error *error);

/* Blocks.  Gives 0, or the errno of what failed; then the former file is still there. */
int snapshot_file_write(
    const char *path, const struct replica *replica, const struct snapshot_extra *extra);

/* What a writer that was killed has left beside the file. */
void snapshot_file_remove_temporary(const char *path);

#endif
