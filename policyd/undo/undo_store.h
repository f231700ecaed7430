/*
 * undo_store - writes the journal: a file an hour, or several where one would grow to
 * more than an eighth of what the journal may take.
 *
 * Before something is written that would pass undo_max the oldest file goes, and with it
 * the begin of what undo covers.  What can't be written is given up whole: the file is
 * cut back to its last record and no more is written to it, and for a second nothing else
 * is tried.  A message whose file was begun anew meanwhile is finished in its own.
 */
#ifndef POLICYD_UNDO_UNDO_STORE_H
#define POLICYD_UNDO_UNDO_STORE_H

#include "policyd/copies/copies_entry.h"
#include "policyd/copies/copies_seal.h"
#include "policyd/undo/undo_told.h"
#include "shared/base/error.h"

struct undo_store;
struct undo_copy;

struct undo_store_options {
    const char *folder;
    uint8_t key[COPIES_KEY_SIZE];
    struct {
        uint64_t octets;
        int64_t keep_s;
    } limits;
};

/* Makes no file yet.  NULL: the folder can't be used. */
struct undo_store *undo_store_open(
    const struct undo_store_options *options, struct error *error);
void undo_store_close(struct undo_store *store);

/* After a reload. */
void undo_store_set_limits(struct undo_store *store, uint64_t octets, int64_t keep_s);

/* NULL: no copy can be kept now. */
struct undo_copy *undo_store_begin(struct undo_store *store, struct error *error);
bool undo_store_chunk(struct undo_store *store, struct undo_copy *copy,
    struct span octets, struct error *error);
/* The chunks of `entry` are filled in.  The copy is over, either way. */
bool undo_store_end(struct undo_store *store, struct undo_copy *copy,
    struct copies_entry *entry, struct error *error);
void undo_store_drop(struct undo_store *store, struct undo_copy *copy);

/* All that was ended is on the disk, or none of it is to be relied on. */
bool undo_store_sync(struct undo_store *store, struct error *error);

/* A copy was refused. */
void undo_store_refused(struct undo_store *store);

/* What it says of itself; borrowed, and up to a second old. */
const struct undo_told *undo_store_told(const struct undo_store *store);

/* Once a second: what is too old goes, and what is told is written. */
void undo_store_turn(struct undo_store *store);

#endif
