/*
 * scan_folder - where the temporary files of each worker go: a file system in memory of
 * its own, else a folder on disk.
 *
 * The keeper makes those in memory while it is root, one for each place a worker can
 * have, and empties them between workers.  On disk (scan_temp) it has a folder for itself
 * in which each worker gets one.
 */
#ifndef MILTERS_SCAN_SCAN_FOLDER_H
#define MILTERS_SCAN_SCAN_FOLDER_H

#include "milters/scan/scan_board.h"
#include "milters/scan/scan_temp.h"
#include "shared/base/error.h"

struct scan_folders {
    const char *temp; /* as for scan_temp_make_base */
    uid_t user;       /* whose they are, where we are root; 0: ours */
    gid_t group;
    char base[SCAN_TEMP_MAX]; /* on disk */
    int lock;
    int memory[SCAN_WORKERS_MAX]; /* -1: none; those of `places` */
    unsigned places;
};

/* One worker's: a descriptor, or -1 and a path. */
struct scan_folder {
    int memory;
    char path[SCAN_TEMP_MAX];
};

/* On disk; errno on false.  `temp` is borrowed. */
bool scan_folder_open(
    struct scan_folders *folders, const char *temp, uid_t user, gid_t group);

/* In memory, for so many places, each of at most `size` octets: all or none. */
bool scan_folder_use_memory(
    struct scan_folders *folders, unsigned places, uint64_t size, struct error *error);

/* For the worker at this place; `number` names it on disk.  errno on false. */
bool scan_folder_take(
    struct scan_folders *folders, unsigned place, int number, struct scan_folder *folder);

/* What one of so many may fill of the file system that its folder is in, so that the
 * others have as much: all of its own but what many small files waste. */
uint64_t scan_folder_room(const struct scan_folder *folder, unsigned sharers);

/* The worker has ended. */
void scan_folder_give_back(
    struct scan_folders *folders, const struct scan_folder *folder);

/* In a worker: closes all but its own. */
void scan_folder_close_others(
    const struct scan_folders *folders, const struct scan_folder *own);

/* What is on disk goes; memory goes with the process. */
void scan_folder_remove(const struct scan_folders *folders);

#endif
