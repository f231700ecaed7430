/*
 * scan_board - a page of memory that supervisor, keepers, workers and serving processes
 * share.
 *
 * Made by the supervisor before it forks, never resized.  Everything in it is atomic or
 * written once before it is published.  A worker, which may be in a stranger's hands,
 * keeps the slots alone (scan_board_leave): they are numbers, read within bounds, and
 * nothing in them is a verdict.
 */
#ifndef MILTERS_SCAN_SCAN_BOARD_H
#define MILTERS_SCAN_SCAN_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "milters/scan/scan_turn.h"

enum {
    SCAN_WORKERS_MAX = 256,
    SCAN_KILLERS_MAX = 1024,
    SCAN_VERSION_MAX = 64,
    SCAN_SPAMD_PLACES_MAX = 1000,
};
/* A multiple of the size of a page, on any machine. */
enum { SCAN_SLOTS_ROOM = 1 << 16 };

enum scan_worker_state {
    WORKER_NONE,
    WORKER_STARTING, /* not yet passed its own test */
    WORKER_SPARE,    /* ready, takes no jobs until told to */
    WORKER_IDLE,
    WORKER_BUSY,
};

enum scan_exit {
    EXIT_WORN,
    EXIT_RETIRED,
    EXIT_SIGNAL,
    EXIT_STUCK,
    EXIT_FAILED,
    EXIT_LONG, /* killed for the sake of others: its job goes on in the long lane */
    EXIT_REASONS
};

struct scan_slot {
    atomic_int state;             /* enum scan_worker_state */
    atomic_int keeper;            /* pid of the keeper it belongs to; 0: free */
    _Atomic uint64_t deadline_ms; /* of the job in hand, CLOCK_MONOTONIC */
    _Atomic uint64_t job;      /* taken last, by number; stays when the worker is gone */
    _Atomic uint64_t taken_ms; /* when */
    atomic_bool troubled;      /* a call to the system failed at it */
    _Atomic uint64_t dead_job; /* at which a worker died, by number */
    atomic_int death;          /* enum scan_death: of what */
};

/* Of a worker at a job: killed by somebody or for want of memory, of itself, by the
 * keeper since the job takes long and others wait. */
enum scan_death { DEATH_NOT_KNOWN, DEATH_BY_OTHERS, DEATH_BY_CRASH, DEATH_FOR_OTHERS };

/* A message (by digest) at which workers died, and when the last did. */
struct scan_killer {
    _Atomic uint64_t digest;
    _Atomic uint64_t last_ms;
    atomic_uint deaths;
    atomic_uint crashes; /* of those */
};

struct scan_deaths {
    unsigned all;
    unsigned crashes;
};

struct scan_board {
    union {
        struct scan_slot slots[SCAN_WORKERS_MAX];
        char room[SCAN_SLOTS_ROOM];
    };
    /* From here on not for workers. */
    struct scan_killer killers[SCAN_KILLERS_MAX];
    atomic_int spamd_places[SCAN_SPAMD_PLACES_MAX]; /* process; 0: free */
    struct scan_turns turns;
    _Atomic uint64_t jobs;   /* given numbers so far */
    atomic_bool has_killers; /* until then nobody needs a digest */
    atomic_bool ready;       /* a keeper has signatures and a tested worker */
    atomic_bool swapping;    /* reload = replace: the next keeper is loading, jobs wait */
    atomic_bool load_failed; /* the last one of signatures; the former are in use */
    atomic_bool refused;     /* the configuration, when it was to be read again */
    atomic_uint signatures;
    _Atomic int64_t database_time;
    _Atomic uint64_t exits[EXIT_REASONS];
    /* Two versions in turn, so that a reader never sees a half-written one. */
    char versions[2][SCAN_VERSION_MAX];
    atomic_uint version;
};

struct scan_board *scan_board_new(void); /* zeroed, shared with children */

/* Takes a free slot for `keeper`, also one whose keeper is gone.  -1: none. */
int scan_board_take_slot(struct scan_board *board, pid_t keeper);
void scan_board_free_slot(struct scan_board *board, int number);

/* The next job's number. */
uint64_t scan_board_number_job(struct scan_board *board);

/*
 * In a worker's slot: it has a job in hand, it has none any more.  Who asked for the job
 * need not be woken for that: only when no answer comes he looks who has taken it.
 */
void scan_slot_take_job(
    struct scan_slot *slot, uint64_t job, uint64_t deadline_ms, uint64_t now_ms);
void scan_slot_end_job(struct scan_slot *slot);

/*
 * The worker (its number, -1: none) that took the job, and when: for one that never was
 * answered.  A slot whose worker died says so until another worker has been started in
 * its place, tested and given a job.
 */
int scan_board_find_job(const struct scan_board *board, uint64_t job, uint64_t *taken_ms);

/* By the keeper, before the slot is free: what its worker died of. */
void scan_slot_bury(struct scan_slot *slot, enum scan_death death);

/* DEATH_NOT_KNOWN: the keeper has not looked yet. */
enum scan_death scan_board_death(
    const struct scan_board *board, int worker, uint64_t job);

/* In a worker: the slots stay, the rest can't be reached any more. */
void scan_board_leave(struct scan_board *board);

/* How many slots are in that state. */
unsigned scan_board_count(const struct scan_board *board, enum scan_worker_state state);

/* Whether a worker that has passed its test is there. */
bool scan_board_has_workers(const struct scan_board *board);

void scan_board_set_version(struct scan_board *board, const char *version);
const char *scan_board_version(const struct scan_board *board); /* "" before the first */

/* One more worker died at the message; how many did so far.  Forgotten an hour after the
 * last, or when pushed out. */
void scan_board_add_death(
    struct scan_board *board, uint64_t digest, bool crashed, uint64_t now_ms);
struct scan_deaths scan_board_deaths(
    const struct scan_board *board, uint64_t digest, uint64_t now_ms);

const char *scan_exit_name(enum scan_exit reason);

#endif
