/*
 * snapshot - the replica on disk, for a start without Redis.
 *
 * Written by a forked child to a temporary file that is synced and renamed, at most once
 * a second, one child at a time, the next no sooner than ten times the last one's
 * duration after it.  After it the child writes the domains' states where there is room
 * for them whatever the disk holds (state_record).
 */
#ifndef POLICYD_STORE_SNAPSHOT_H
#define POLICYD_STORE_SNAPSHOT_H

#include "policyd/replica/snapshot_wire.h"

struct event_base;

struct snapshot;

/* Gives what is to be written when a child is about to begin. */
typedef const struct replica *snapshot_source(
    void *argument, struct snapshot_extra *extra);

struct snapshot *snapshot_new(
    struct event_base *base, const char *path, snapshot_source *source, void *argument);
/* Waits 2 s for a child that writes, and writes what is still to be written. */
void snapshot_free(struct snapshot *snapshot);

/* Something has changed: write as soon as the rules above allow. */
void snapshot_touch(struct snapshot *snapshot);

int64_t snapshot_written(
    const struct snapshot *snapshot); /* unix time of the last success; 0: none yet */
uint64_t snapshot_writes(const struct snapshot *snapshot);
uint64_t snapshot_failures(const struct snapshot *snapshot);
/* False: all is well; else one line. */
bool snapshot_trouble(const struct snapshot *snapshot, char *text, size_t size);

#endif
