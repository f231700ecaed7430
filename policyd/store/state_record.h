/*
 * state_record - the states of all domains in a file that was allocated beforehand: the
 * last order is kept though the disk is full.
 *
 * Beside the snapshot, `SNAPSHOT.states`.  Two halves that are written in turn, in place,
 * each with its length, its number and a snapshot of domains alone behind them: what a
 * torn write leaves is refused by its checksum, and the other half counts.
 *
 * Limits: pins, units and lists are not in it; a file system that never writes in place
 * (btrfs, zfs) can be too full for it all the same.
 */
#ifndef POLICYD_STORE_STATE_RECORD_H
#define POLICYD_STORE_STATE_RECORD_H

#include "policyd/replica/snapshot_reader.h"

/* Blocks.  0, or the errno of what failed. */
int state_record_write(const char *snapshot, const struct replica *replica,
    const struct snapshot_extra *extra);

/*
 * Puts the states that are newer than what is in the replica, which is the snapshot of
 * `written`, there.  True: there were such; *written is their time.
 */
bool state_record_read(const char *snapshot, const struct replica_rules *rules,
    struct replica *replica, int64_t *written);

#endif
