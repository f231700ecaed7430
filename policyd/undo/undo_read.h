/*
 * undo_read - the journal, read: entry by entry in the order of its files, each message's
 * octets when they are wanted.
 *
 * Of what is passed over only heads are read, and one record is in memory at a time.  A
 * file that ends in the middle of a record has no more behind it, since its writer was
 * killed; one that can't be opened by the key, or was changed, is left out from there on.
 * Both are counted.
 */
#ifndef POLICYD_UNDO_UNDO_READ_H
#define POLICYD_UNDO_UNDO_READ_H

#include "policyd/copies/copies_entry.h"
#include "policyd/copies/copies_key.h"
#include "shared/base/error.h"

struct undo_reader;

struct undo_coverage {
    int64_t since_ms; /* when the oldest file was begun; 0: there is none */
    int64_t until_ms; /* the newest entry that was met */
    uint64_t octets;
    uint64_t files;
    uint64_t copies;  /* entries met */
    uint64_t refused; /* that the listener could not keep, as the files tell */
    uint64_t cut;     /* files that end in the middle */
    uint64_t foreign; /* files of another key, or changed */
};

/* Files whose hour is over before `from_ms` are passed over.  NULL: there is no folder,
 * or there are files and none is of this key. */
struct undo_reader *undo_reader_open(const char *folder,
    const uint8_t key[COPIES_KEY_SIZE], int64_t from_ms, struct error *error);
void undo_reader_close(struct undo_reader *reader);

/* The next message, until the next call; false: there are no more. */
bool undo_reader_next(struct undo_reader *reader, struct copies_entry *entry);

/* Chunk `at` of the last one; false: it is damaged. */
bool undo_reader_chunk(struct undo_reader *reader, const struct copies_entry *entry,
    size_t at, struct buffer *out);

const struct undo_coverage *undo_reader_coverage(const struct undo_reader *reader);

#endif
