/*
 * setup_file - whole files: read, replaced at once, copied.
 *
 * A file that is a symbolic link is replaced where it leads to.
 */
#ifndef POLICYD_SETUP_SETUP_FILE_H
#define POLICYD_SETUP_SETUP_FILE_H

#include <limits.h>

#include "shared/base/buffer.h"
#include "shared/base/error.h"

/* Appends all of it; "-" is standard input.  More than the buffer takes is an error. */
bool setup_file_read(const char *path, struct buffer *text, struct error *error);

/*
 * Puts `text` in the place of the file: a temporary file beside it, flushed to disk, then
 * renamed.  Mode and owner stay those of the file there was; a new one gets 0644.
 */
bool setup_file_replace(const char *path, struct span text, struct error *error);

/* The same with the content, mode and owner of another file. */
bool setup_file_copy(const char *from, const char *to, struct error *error);

/* The same in two moves, for several files at once: all that needs room on the disk is
 * done by the first one. */
struct setup_pending {
    char path[PATH_MAX];      /* where a link leads to */
    char temporary[PATH_MAX]; /* "" once it is done or given up */
};

bool setup_pending_write(struct setup_pending *pending, const char *path,
    struct span text, struct error *error);
bool setup_pending_commit(struct setup_pending *pending, struct error *error);
void setup_pending_drop(struct setup_pending *pending);

/* Removes what a run that was killed left beside the file. */
void setup_pending_sweep(const char *path);

/* False: it can't be replaced, the error says why: immutable, a mount of its own, on a
 * file system for reading only, of somebody else. */
bool setup_file_may_change(const char *path, struct error *error);

#endif
