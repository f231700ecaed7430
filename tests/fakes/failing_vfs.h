/*
 * failing_vfs - SQLite's way to its files, which can be cut at any write: as by a kill
 * (the rest of that write and all that follows is not there) or by a full disk (this
 * write alone fails).  Nothing is synced: a kill loses nothing that was written.
 */
#ifndef TESTS_FAKES_FAILING_VFS_H
#define TESTS_FAKES_FAILING_VFS_H

#include <stdbool.h>

enum failing_how { FAILING_KILL, FAILING_FULL };

/* It is the default from then on. */
void failing_vfs_register(void);

/* The write of this number (from 1) is the one, 0: none. */
void failing_vfs_arm(enum failing_how how, unsigned long write);

/* Since it was armed. */
unsigned long failing_vfs_writes(void);
bool failing_vfs_has_failed(void);

#endif
