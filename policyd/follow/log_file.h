/*
 * log_file - a log file, line by line, through its rotations, from where it was left.
 *
 * A file is known by device, inode and the digest of its first complete line.  Rotated
 * ones are FILE.N, FILE-YYYYMMDD, FILE.YYYYMMDD-HHMMSS, each also .gz.  By rename: what
 * is left in the old file is read first, until nothing has come for two seconds, since
 * who writes it may not yet know its new name.  By copy and truncate: the rest is looked
 * for in the copy.  What can't be found is a gap.
 *
 * Limits: what comes between the copy and the truncation, and in a renamed file after two
 * quiet seconds, is not seen.
 */
#ifndef POLICYD_FOLLOW_LOG_FILE_H
#define POLICYD_FOLLOW_LOG_FILE_H

#include "shared/base/buffer.h"
#include "shared/base/error.h"

struct log_file;

/* `position` is what log_file_position wrote, "" for the first start: from the beginning
 * of the file.  It need not be there yet. */
struct log_file *log_file_new(const char *path, struct span position);
void log_file_free(struct log_file *file);

/*
 * The next complete line, borrowed until the next call, without its end; false: none now
 * (ask again a moment later).  Of a line of over 128 KiB the start is given, the rest
 * passed over.
 */
bool log_file_next(struct log_file *file, struct span *line);

/* Where the line after the last one given begins. */
void log_file_position(const struct log_file *file, struct buffer *out);

/* Why it can't be read, one line with what to do; "" when it can. */
const char *log_file_trouble(const struct log_file *file);

/* What was lost since the last call, one line; "" for nothing. */
const char *log_file_take_gap(struct log_file *file);

#endif
