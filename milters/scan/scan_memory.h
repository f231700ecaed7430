/*
 * scan_memory - a small file system in memory for the temporary files of one worker.
 *
 * It is mounted at no path: its descriptor is the only way in, no mount table shows it,
 * and it is gone, with all that is in it, once nobody has the descriptor or works in it.
 * Takes memory only for what is stored; a write beyond its size fails with ENOSPC.
 * Needs CAP_SYS_ADMIN.
 */
#ifndef MILTERS_SCAN_SCAN_MEMORY_H
#define MILTERS_SCAN_SCAN_MEMORY_H

#include <stdint.h>
#include <sys/types.h>

#include "shared/base/error.h"

/* Whether this folder is in memory as it is. */
bool scan_memory_holds(const char *path);

/*
 * The descriptor (O_PATH) of its topmost folder, mode 0700, of this user and group; no
 * set-user-id, no devices, nothing to execute.  -1: refused, and why.
 */
int scan_memory_make(uint64_t size, uid_t user, gid_t group, struct error *error);

#endif
