/*
 * undo_file - one file of the journal while it is written: its begin, its records, its
 * end.
 *
 * What can't be written is given up whole: the file is cut back to its last record and
 * nothing more comes behind it, for a number is never used for two records.
 */
#ifndef POLICYD_UNDO_UNDO_FILE_H
#define POLICYD_UNDO_UNDO_FILE_H

#include <sys/queue.h>

#include "policyd/copies/copies_entry.h"
#include "policyd/copies/copies_name.h"
#include "policyd/copies/copies_seal.h"
#include "shared/base/error.h"

struct undo_file {
    TAILQ_ENTRY(undo_file) entry; /* the owner's, as are messages and copies */
    uint64_t messages;            /* begun in it */
    size_t copies;                /* of them under way */
    struct copies_name name;
    uint64_t place; /* where the next record goes, so its size */
    bool has_failed;
    bool is_dirty; /* not all is on the disk */
    int fd;
    struct copies_seal *seal;
    uint64_t number;      /* of the next record */
    struct buffer record; /* that is made */
};

/* Under the first name from `name` on that no file has, with its begin written.  NULL: no
 * file is left behind. */
struct undo_file *undo_file_begin(int folder, const struct copies_name *name,
    const uint8_t key[COPIES_KEY_SIZE], const struct copies_span *span,
    struct error *error);

bool undo_file_write(struct undo_file *file, enum copies_kind kind, uint64_t message,
    struct span plain, struct error *error);
bool undo_file_sync(struct undo_file *file, struct error *error);

/* The record that says nothing more comes. */
bool undo_file_end(
    struct undo_file *file, const struct copies_span *span, struct error *error);

/* Closes it. */
void undo_file_free(struct undo_file *file);

#endif
