/*
 * scan_temp - the workers' temporary folders.
 *
 * A keeper has a folder of its own below `temp`, in it one for each worker, emptied and
 * removed when the worker ends: a killed one leaves behind what it was at.  While it is
 * in use the keeper holds a lock on its folder (flock): whoever tidies up /tmp leaves a
 * locked one alone.  Others can write beside it, so nothing is removed through a path
 * that they could redirect.
 */
#ifndef MILTERS_SCAN_SCAN_TEMP_H
#define MILTERS_SCAN_SCAN_TEMP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { SCAN_TEMP_MAX = 256 };

/*
 * postshift-scan.PID.XXXXXX below `temp` ("": TMPDIR, else /tmp), given to user and group
 * where we are root and user is not 0.  `lock` is a descriptor that holds it; the one
 * before is closed (-1: none).  errno on false.
 */
bool scan_temp_make_base(
    const char *temp, uid_t user, gid_t group, char out[SCAN_TEMP_MAX], int *lock);

/* Folder `number` in `base`, mode 0700, owned by user and group where we are root and
 * user is not 0. */
bool scan_temp_make(
    const char *base, int number, uid_t user, gid_t group, char out[SCAN_TEMP_MAX]);

/* With all that is in it; follows no link. */
void scan_temp_remove(const char *path);

/* What is in it, the folder stays; any descriptor of it.  False: something is left. */
bool scan_temp_empty(int folder);

/* Removes what keepers that are gone have left below `temp`, for at most so long; files
 * and other people's folders are none of that. */
void scan_temp_sweep(const char *temp, uint64_t most_ms);

/* The same in a process of its own, as that user where we are root and user is not 0,
 * which nobody waits for: others may have put any number of files there. */
void scan_temp_sweep_aside(const char *temp, uid_t user, gid_t group);

#endif
