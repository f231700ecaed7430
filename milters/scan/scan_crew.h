/*
 * scan_crew - a keeper's workers: started, counted, told, buried.
 */
#ifndef MILTERS_SCAN_SCAN_CREW_H
#define MILTERS_SCAN_SCAN_CREW_H

#include "milters/scan/scan_folder.h"
#include "milters/scan/scan_keeper.h"
#include "milters/scan/scan_lane.h"

/* Between tries, while workers die before they are ready. */
enum { SCAN_CREW_PAUSE_MS = 1000 };

struct scan_member {
    pid_t pid;  /* 0: none */
    int number; /* of its slot */
    int commands;
    bool active;  /* told to take jobs */
    bool retired; /* told to end, or killed */
    bool stuck;
    bool is_long;  /* serves the long lane, beside the others */
    bool gave_way; /* killed for others */
    struct scan_lane_watch lane;
    uint64_t started_ms;
    struct scan_folder folder;
};

struct scan_crew {
    const struct scan_keeper *setup;
    struct clam_engine *engine;
    struct scan_member workers[SCAN_WORKERS_MAX];
    struct scan_folders folders;
    int control;
    int children;           /* signalfd */
    uint64_t not_before_ms; /* no new workers before */
};

struct scan_slot *scan_crew_slot(
    const struct scan_crew *crew, const struct scan_member *worker);
enum scan_worker_state scan_crew_state(
    const struct scan_crew *crew, const struct scan_member *worker);

/* Those that serve the workers' socket, or are to; and those of the long lane. */
unsigned scan_crew_count(const struct scan_crew *crew, bool active);
unsigned scan_crew_count_long(const struct scan_crew *crew);

/* Forks one; false: not to be had now, which is logged. */
bool scan_crew_start(struct scan_crew *crew, bool is_long);

/* One octet; whoever does not read it any more is on his way out. */
void scan_crew_say(int fd, char octet);

/* The one of that process, or NULL. */
struct scan_member *scan_crew_find(struct scan_crew *crew, pid_t pid);

/* It has ended, with that status of waitpid. */
void scan_crew_bury(struct scan_crew *crew, struct scan_member *worker, int status);

/* Told to end after what they have in hand; and at once. */
void scan_crew_retire(struct scan_crew *crew);
void scan_crew_kill(struct scan_member *worker);

#endif
