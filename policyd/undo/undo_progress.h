/*
 * undo_progress - the file of an undo's progress: read, and a line more on the disk.
 *
 * One run at a time; a line that was cut when its writer was killed is ended first.
 */
#ifndef POLICYD_UNDO_UNDO_PROGRESS_H
#define POLICYD_UNDO_UNDO_PROGRESS_H

#include "policyd/copies/copies_progress.h"
#include "shared/base/error.h"

/* `fd` is -1 for a run that only looks. */
struct undo_progress {
    int fd;
    struct copies_progress *known;
};

/* `may_write` false: nothing is made or locked. */
bool undo_progress_open(struct undo_progress *progress, const char *folder,
    const char *domain, bool may_write, struct error *error);
void undo_progress_close(struct undo_progress *progress);

/* On the disk when it returns. */
bool undo_progress_note(struct undo_progress *progress,
    const struct copies_digest *digest, enum copies_step step, struct error *error);

#endif
