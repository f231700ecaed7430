/*
 * undo_folder - the files of the journal in their order, and octets at a place of one.
 */
#ifndef POLICYD_UNDO_UNDO_FOLDER_H
#define POLICYD_UNDO_UNDO_FOLDER_H

#include "policyd/copies/copies_name.h"
#include "policyd/copies/copies_seal.h"
#include "shared/base/error.h"

enum { UNDO_FILES_MAX = 100000 };

/* Zeroes are an empty one. */
struct undo_files {
    struct copies_file *items; /* the oldest first */
    size_t count;
    size_t room;
};

/* `fd` is of the folder. */
bool undo_files_read(int fd, struct undo_files *files, struct error *error);
void undo_files_add(struct undo_files *files, const struct copies_file *file);
void undo_files_drop_first(struct undo_files *files, size_t count);
void undo_files_clear(struct undo_files *files);

/* Of a file that is open: all of `length`; false: it is shorter, or an error. */
bool undo_read_at(int fd, uint64_t place, void *octets, size_t length);

/*
 * A record at its place, its head checked; `plain` gets what it says.  The kinds of
 * trouble: it isn't whole, which is how a file ends whose writer was killed; or it is not
 * of this key, or was changed.
 */
enum undo_record { UNDO_RECORD_READ, UNDO_RECORD_CUT, UNDO_RECORD_FOREIGN };
enum undo_record undo_record_head(int fd, uint64_t place, struct copies_head *head);
enum undo_record undo_record_read(int fd, uint64_t place, struct copies_seal *seal,
    struct copies_head *head, struct buffer *plain);

#endif
