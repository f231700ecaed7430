#include "milters/scan/scan_crew.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "milters/scan/scan_worker.h"
#include "shared/base/attributes.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

struct scan_slot *
scan_crew_slot(const struct scan_crew *crew, const struct scan_member *worker)
{
    return &crew->setup->board->slots[worker->number];
}

enum scan_worker_state
scan_crew_state(const struct scan_crew *crew, const struct scan_member *worker)
{
    return (enum scan_worker_state)atomic_load(&scan_crew_slot(crew, worker)->state);
}

unsigned
scan_crew_count(const struct scan_crew *crew, bool active)
{
    unsigned count = 0;

    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        const struct scan_member *worker = &crew->workers[i];

        if (worker->pid != 0 && !worker->retired && !worker->is_long &&
            worker->active == active)
            count++;
    }
    return count;
}

unsigned
scan_crew_count_long(const struct scan_crew *crew)
{
    unsigned count = 0;

    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        if (crew->workers[i].pid != 0 && crew->workers[i].is_long)
            count++;
    }
    return count;
}

static struct scan_member *
free_place(struct scan_crew *crew)
{
    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        if (crew->workers[i].pid == 0)
            return &crew->workers[i];
    }
    return NULL;
}

/* In the child: nothing of the keeper's other workers stays open, or nobody would see
 * their end. */
static void
close_others(const struct scan_crew *crew, const struct scan_member *place)
{
    (void)close(crew->control);
    (void)close(crew->children);
    scan_folder_close_others(&crew->folders, &place->folder);
    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        if (crew->workers[i].pid != 0)
            (void)close(crew->workers[i].commands);
    }
}

static void __attribute__((noreturn)) be_worker(const struct scan_crew *crew,
    const struct scan_member *place, int commands, pid_t keeper_pid)
{
    const struct scan_keeper *setup = crew->setup;
    struct scan_worker worker = {
        .engine = crew->engine,
        .allowed = &setup->allowed,
        .slot = scan_crew_slot(crew, place),
        .number = (unsigned)place->number,
        .jobs = place->is_long ? setup->long_jobs : setup->jobs,
        .is_long = place->is_long,
        .commands = commands,
        .folder = &place->folder,
        .keeper = keeper_pid,
        .user = setup->user,
        .group = setup->group,
        .require_sandbox = setup->require_sandbox,
        .max_file = setup->limits.max_scan,
        .room = scan_folder_room(&place->folder,
            setup->workers + setup->spares + scan_lane_most(setup->workers)),
        .most_scans = setup->most_scans,
    };
    sigset_t none;

    close_others(crew, place);
    scan_board_leave(setup->board);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    scan_worker_run(&worker);
}

bool
scan_crew_start(struct scan_crew *crew, bool is_long)
{
    struct scan_member *place = free_place(crew);
    pid_t self = getpid();
    int command[2];

    if (place == NULL || pipe2(command, O_CLOEXEC) < 0)
        return false;
    *place =
        (struct scan_member){.number = scan_board_take_slot(crew->setup->board, self),
            .commands = command[1],
            .is_long = is_long,
            .started_ms = clock_now_ms()};
    if (place->number >= 0 &&
        scan_folder_take(&crew->folders, (unsigned)(place - crew->workers), place->number,
            &place->folder))
        place->pid = fork();
    else
        place->pid = -1;
    if (place->pid == 0) {
        (void)close(command[1]);
        be_worker(crew, place, command[0], self);
    }
    (void)close(command[0]);
    if (place->pid < 0) {
        log_say(LOG_LEVEL_ERROR, "can't start a scan worker in %s: %s",
            crew->folders.base, strerror(errno));
        (void)close(command[1]);
        if (place->number >= 0)
            scan_board_free_slot(crew->setup->board, place->number);
        place->pid = 0;
        return false;
    }
    return true;
}

void
scan_crew_say(int fd, char octet)
{
    ssize_t written = write(fd, &octet, 1);

    (void)written;
}

static enum scan_exit
exit_reason(const struct scan_member *worker, int status)
{
    if (worker->gave_way)
        return EXIT_LONG;
    if (worker->stuck)
        return EXIT_STUCK;
    if (WIFSIGNALED(status))
        return worker->retired ? EXIT_RETIRED : EXIT_SIGNAL;
    if (WEXITSTATUS(status) == WORKER_EXIT_WORN)
        return EXIT_WORN;
    return WEXITSTATUS(status) == WORKER_EXIT_DONE ? EXIT_RETIRED : EXIT_FAILED;
}

/* Of itself: neither ended by somebody nor for its memory. */
static bool
is_crash(int status)
{
    static const int signals[] = {
        SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP};

    for (size_t i = 0; i < ARRAY_LENGTH(signals); i++) {
        if (WIFSIGNALED(status) && WTERMSIG(status) == signals[i])
            return true;
    }
    return false;
}

void
scan_crew_bury(struct scan_crew *crew, struct scan_member *worker, int status)
{
    enum scan_exit reason = exit_reason(worker, status);
    /* One that never got ready won't do better when tried again at once. */
    bool unfit = scan_crew_state(crew, worker) == WORKER_STARTING;

    scan_slot_bury(scan_crew_slot(crew, worker), worker->gave_way   ? DEATH_FOR_OTHERS
                                                 : is_crash(status) ? DEATH_BY_CRASH
                                                                    : DEATH_BY_OTHERS);
    atomic_fetch_add(&crew->setup->board->exits[reason], 1);
    if (unfit || reason == EXIT_FAILED)
        crew->not_before_ms = clock_now_ms() + SCAN_CREW_PAUSE_MS;
    if (reason == EXIT_SIGNAL || reason == EXIT_STUCK)
        log_error("scan worker ended", log_number("worker", worker->number),
            log_number("pid", worker->pid), log_text("reason", scan_exit_name(reason)),
            WIFSIGNALED(status) ? log_number("signal", WTERMSIG(status)) : log_nothing(),
            log_note(unfit ? "before it was ready" : "a spare takes its place"));
    (void)close(worker->commands);
    scan_folder_give_back(&crew->folders, &worker->folder);
    scan_board_free_slot(crew->setup->board, worker->number);
    *worker = (struct scan_member){0};
}

void
scan_crew_retire(struct scan_crew *crew)
{
    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        struct scan_member *worker = &crew->workers[i];

        if (worker->pid == 0 || worker->retired)
            continue;
        worker->retired = true;
        scan_crew_say(worker->commands, WORKER_RETIRE);
    }
}

struct scan_member *
scan_crew_find(struct scan_crew *crew, pid_t pid)
{
    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        if (crew->workers[i].pid == pid)
            return &crew->workers[i];
    }
    return NULL;
}

void
scan_crew_kill(struct scan_member *worker)
{
    worker->stuck = true;
    worker->retired = true;
    (void)kill(worker->pid, SIGKILL);
}
