/*
 * ctl_compare_folder - one folder of a mailbox on both sides, and how they differ, as a
 * document: what `compare` tells, and a line of its state file.
 */
#ifndef POLICYD_CTL_CTL_COMPARE_FOLDER_H
#define POLICYD_CTL_CTL_COMPARE_FOLDER_H

#include "policyd/ctl/ctl_compare_read.h"
#include "policyd/state/domain_state.h"
#include "shared/base/arena.h"

struct ctl_compare_folder {
    const char *user;
    const char *old;
    const char *new; /* NULL: it has no such folder */
};

/* Both sides are open; each is left with this folder selected.  Appends one line to
 * `out`. */
bool ctl_compare_folder(struct arena *arena, struct compare_side sides[DOMAIN_SIDES],
    const struct ctl_compare_folder *folder, struct buffer *out, struct error *error);

#endif
