#include "milters/scan/scan_board.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

enum { FORGOTTEN_MS = 3600 * 1000 };

struct scan_board *
scan_board_new(void)
{
    struct scan_board *board = mmap(
        NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct hash_key key;

    if (board == MAP_FAILED || getrandom(&key, sizeof(key), 0) != sizeof(key))
        abort();
    board->turns.key = key;
    return board;
}

static bool
is_gone(pid_t pid)
{
    return pid > 0 && kill(pid, 0) < 0 && errno == ESRCH;
}

int
scan_board_take_slot(struct scan_board *board, pid_t keeper)
{
    for (int i = 0; i < SCAN_WORKERS_MAX; i++) {
        struct scan_slot *slot = &board->slots[i];
        int owner = atomic_load(&slot->keeper);

        if (owner != 0 && !is_gone(owner))
            continue;
        if (!atomic_compare_exchange_strong(&slot->keeper, &owner, keeper))
            continue;
        atomic_store(&slot->deadline_ms, 0);
        atomic_store(&slot->state, WORKER_STARTING);
        return i;
    }
    return -1;
}

void
scan_board_free_slot(struct scan_board *board, int number)
{
    atomic_store(&board->slots[number].state, WORKER_NONE);
    atomic_store(&board->slots[number].keeper, 0);
}

uint64_t
scan_board_number_job(struct scan_board *board)
{
    return atomic_fetch_add(&board->jobs, 1) + 1;
}

void
scan_slot_take_job(
    struct scan_slot *slot, uint64_t job, uint64_t deadline_ms, uint64_t now_ms)
{
    atomic_store(&slot->deadline_ms, deadline_ms);
    atomic_store(&slot->taken_ms, now_ms);
    atomic_store(&slot->troubled, false);
    atomic_store(&slot->job, job);
    atomic_store(&slot->state, WORKER_BUSY);
}

void
scan_slot_end_job(struct scan_slot *slot)
{
    atomic_store(&slot->deadline_ms, 0);
    atomic_store(&slot->state, WORKER_IDLE);
}

int
scan_board_find_job(const struct scan_board *board, uint64_t job, uint64_t *taken_ms)
{
    for (int i = 0; i < SCAN_WORKERS_MAX; i++) {
        const struct scan_slot *slot = &board->slots[i];

        if (atomic_load(&slot->job) != job)
            continue;
        *taken_ms = atomic_load(&slot->taken_ms);
        return i;
    }
    return -1;
}

void
scan_slot_bury(struct scan_slot *slot, enum scan_death death)
{
    if (death == DEATH_BY_CRASH && atomic_load(&slot->troubled))
        death = DEATH_BY_OTHERS;
    atomic_store(&slot->death, (int)death);
    atomic_store(&slot->dead_job, atomic_load(&slot->job));
}

enum scan_death
scan_board_death(const struct scan_board *board, int worker, uint64_t job)
{
    const struct scan_slot *slot = &board->slots[worker % SCAN_WORKERS_MAX];

    if (atomic_load(&slot->dead_job) != job)
        return DEATH_NOT_KNOWN;
    return (enum scan_death)atomic_load(&slot->death);
}

void
scan_board_leave(struct scan_board *board)
{
    size_t slots = offsetof(struct scan_board, killers);

    assert(slots % (size_t)sysconf(_SC_PAGESIZE) == 0);
    if (munmap((char *)board + slots, sizeof(*board) - slots) < 0)
        abort();
}

unsigned
scan_board_count(const struct scan_board *board, enum scan_worker_state state)
{
    unsigned count = 0;

    for (int i = 0; i < SCAN_WORKERS_MAX; i++) {
        const struct scan_slot *slot = &board->slots[i];

        if (atomic_load(&slot->state) == (int)state &&
            !is_gone(atomic_load(&slot->keeper)))
            count++;
    }
    return count;
}

bool
scan_board_has_workers(const struct scan_board *board)
{
    return scan_board_count(board, WORKER_IDLE) + scan_board_count(board, WORKER_BUSY) +
               scan_board_count(board, WORKER_SPARE) >
           0;
}

void
scan_board_set_version(struct scan_board *board, const char *version)
{
    unsigned next = atomic_load(&board->version) + 1;
    char *text = board->versions[next % 2];

    strncpy(text, version, SCAN_VERSION_MAX - 1);
    text[SCAN_VERSION_MAX - 1] = '\0';
    atomic_store(&board->version, next);
}

const char *
scan_board_version(const struct scan_board *board)
{
    return board->versions[atomic_load(&board->version) % 2];
}

static bool
is_forgotten(const struct scan_killer *killer, uint64_t now_ms)
{
    return atomic_load(&killer->last_ms) + FORGOTTEN_MS <= now_ms;
}

static const struct scan_killer *
killer_find(const struct scan_board *board, uint64_t digest)
{
    /* Any octet of a digest is as good as another for a place; eight places are looked
     * at. */
    for (unsigned i = 0; i < 8; i++) {
        const struct scan_killer *killer =
            &board->killers[(digest + i) % SCAN_KILLERS_MAX];

        if (atomic_load(&killer->digest) == digest)
            return killer;
    }
    return NULL;
}

void
scan_board_add_death(
    struct scan_board *board, uint64_t digest, bool crashed, uint64_t now_ms)
{
    struct scan_killer *place = &board->killers[digest % SCAN_KILLERS_MAX];

    atomic_store(&board->has_killers, true);
    for (unsigned i = 0; i < 8; i++) {
        struct scan_killer *killer = &board->killers[(digest + i) % SCAN_KILLERS_MAX];

        if (atomic_load(&killer->digest) == digest) {
            if (is_forgotten(killer, now_ms)) {
                atomic_store(&killer->deaths, 0);
                atomic_store(&killer->crashes, 0);
            }
            atomic_fetch_add(&killer->deaths, 1);
            atomic_fetch_add(&killer->crashes, crashed ? 1 : 0);
            atomic_store(&killer->last_ms, now_ms);
            return;
        }
        if (atomic_load(&killer->last_ms) < atomic_load(&place->last_ms))
            place = killer;
    }
    atomic_store(&place->deaths, 1);
    atomic_store(&place->crashes, crashed ? 1 : 0);
    atomic_store(&place->last_ms, now_ms);
    atomic_store(&place->digest, digest);
}

struct scan_deaths
scan_board_deaths(const struct scan_board *board, uint64_t digest, uint64_t now_ms)
{
    const struct scan_killer *killer = killer_find(board, digest);

    if (killer == NULL || is_forgotten(killer, now_ms))
        return (struct scan_deaths){0, 0};
    return (struct scan_deaths){
        atomic_load(&killer->deaths), atomic_load(&killer->crashes)};
}

const char *
scan_exit_name(enum scan_exit reason)
{
    static const char *const names[EXIT_REASONS] = {
        "worn", "retired", "signal", "stuck", "failed", "long"};

    return reason < EXIT_REASONS ? names[reason] : "";
}
