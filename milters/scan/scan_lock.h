/*
 * scan_lock - shuts a worker into its temporary folder: Landlock or chroot, limits, no
 * new privileges, seccomp.
 */
#ifndef MILTERS_SCAN_SCAN_LOCK_H
#define MILTERS_SCAN_SCAN_LOCK_H

#include "milters/scan/scan_worker.h"

/* Whether this kernel has Landlock. */
bool scan_lock_has_landlock(void);

/*
 * In the worker, before its first scan; the current folder is then its temporary folder.
 * False when a part of it could not be had and `require_sandbox` is set.
 */
bool scan_lock_enter(const struct scan_worker *worker, struct error *error);

#endif
