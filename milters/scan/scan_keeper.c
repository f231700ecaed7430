#include "milters/scan/scan_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "milters/common/milter_supervise.h"
#include "milters/scan/scan_lock.h"
#include "milters/scan/scan_memory.h"
#include "milters/scan/scan_worker.h"
#include "shared/base/attributes.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    LOOK_MS = 100,         /* between looks at what the workers do */
    STUCK_GRACE_MS = 300,  /* after its deadline a worker is killed */
    START_MS = 60000,      /* to pass the self test */
    UNFIT_PAUSE_MS = 1000, /* between tries while workers die before they are ready */
};

struct worker {
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

struct keeper {
    const struct scan_keeper *setup;
    struct clam_engine *engine;
    struct worker workers[SCAN_WORKERS_MAX];
    struct scan_folders folders;
    int control;
    int children; /* signalfd */
    bool told_ready;
    bool draining;
    bool blind; /* its signatures do not find the test mail: of no use to anybody */
    uint64_t not_before_ms; /* no new workers before */
    uint64_t waiting_ms; /* since when something waits while all are busy; 0: nothing */
};

static struct scan_slot *
slot_of(const struct keeper *keeper, const struct worker *worker)
{
    return &keeper->setup->board->slots[worker->number];
}

static enum scan_worker_state
state_of(const struct keeper *keeper, const struct worker *worker)
{
    return (enum scan_worker_state)atomic_load(&slot_of(keeper, worker)->state);
}

static unsigned
count_workers(const struct keeper *keeper, bool active)
{
    unsigned count = 0;

    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        const struct worker *worker = &keeper->workers[i];

        if (worker->pid != 0 && !worker->retired && !worker->is_long &&
            worker->active == active)
            count++;
    }
    return count;
}

static unsigned
count_long(const struct keeper *keeper)
{
    unsigned count = 0;

    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        if (keeper->workers[i].pid != 0 && keeper->workers[i].is_long)
            count++;
    }
    return count;
}

static struct worker *
free_place(struct keeper *keeper)
{
    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        if (keeper->workers[i].pid == 0)
            return &keeper->workers[i];
    }
    return NULL;
}

/* In the child: nothing of the keeper's other workers stays open, or nobody would see
 * their end. */
static void
close_others(const struct keeper *keeper, const struct worker *place)
{
    (void)close(keeper->control);
    (void)close(keeper->children);
    scan_folder_close_others(&keeper->folders, &place->folder);
    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        if (keeper->workers[i].pid != 0)
            (void)close(keeper->workers[i].commands);
    }
}

static void __attribute__((noreturn)) be_worker(const struct keeper *keeper,
    const struct worker *place, int commands, pid_t keeper_pid)
{
    const struct scan_keeper *setup = keeper->setup;
    struct scan_worker worker = {
        .engine = keeper->engine,
        .allowed = &setup->allowed,
        .slot = slot_of(keeper, place),
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
        .room = scan_folder_room(&place->folder, setup->workers + setup->spares),
        .most_scans = setup->most_scans,
    };
    sigset_t none;

    close_others(keeper, place);
    scan_board_leave(setup->board);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    scan_worker_run(&worker);
}

static bool
start_worker(struct keeper *keeper, bool is_long)
{
    struct worker *place = free_place(keeper);
    pid_t self = getpid();
    int command[2];

    if (place == NULL || pipe2(command, O_CLOEXEC) < 0)
        return false;
    *place = (struct worker){.number = scan_board_take_slot(keeper->setup->board, self),
        .commands = command[1],
        .is_long = is_long,
        .started_ms = clock_now_ms()};
    if (place->number >= 0 &&
        scan_folder_take(&keeper->folders, (unsigned)(place - keeper->workers),
            place->number, &place->folder))
        place->pid = fork();
    else
        place->pid = -1;
    if (place->pid == 0) {
        (void)close(command[1]);
        be_worker(keeper, place, command[0], self);
    }
    (void)close(command[0]);
    if (place->pid < 0) {
        log_say(LOG_LEVEL_ERROR, "can't start a scan worker in %s: %s",
            keeper->folders.base, strerror(errno));
        (void)close(command[1]);
        if (place->number >= 0)
            scan_board_free_slot(keeper->setup->board, place->number);
        place->pid = 0;
        return false;
    }
    return true;
}

/* One octet; whoever does not read it any more is on his way out. */
static void
say(int fd, char octet)
{
    ssize_t written = write(fd, &octet, 1);

    (void)written;
}

/* What is in use from now on. */
static void
publish(const struct keeper *keeper)
{
    struct scan_board *board = keeper->setup->board;
    char version[SCAN_VERSION_MAX];

    clam_engine_version(keeper->engine, version, sizeof(version));
    scan_board_set_version(board, version);
    atomic_store(&board->signatures, clam_engine_signatures(keeper->engine));
    atomic_store(&board->database_time, clam_engine_time(keeper->engine));
}

/* As many as should take jobs do, out of those that have passed their test. */
static void
activate(struct keeper *keeper)
{
    unsigned active = count_workers(keeper, true);

    for (size_t i = 0; i < SCAN_WORKERS_MAX && active < keeper->setup->workers; i++) {
        struct worker *worker = &keeper->workers[i];

        if (worker->pid == 0 || worker->retired || worker->active || worker->is_long ||
            state_of(keeper, worker) != WORKER_SPARE)
            continue;
        /* From the first job on only the supervisor's word ends us. */
        (void)signal(SIGTERM, SIG_IGN);
        worker->active = true;
        say(worker->commands, WORKER_ACTIVATE);
        active++;
    }
    if (active > 0 && !keeper->told_ready) {
        keeper->told_ready = true;
        publish(keeper);
        atomic_store(&keeper->setup->board->ready, true);
        say(keeper->control, SUPERVISE_READY);
    }
}

static void
fill_up(struct keeper *keeper)
{
    unsigned wanted = keeper->setup->workers + keeper->setup->spares;
    unsigned have = count_workers(keeper, true) + count_workers(keeper, false);

    if (keeper->draining || clock_now_ms() < keeper->not_before_ms)
        return;
    for (; have < wanted; have++) {
        if (!start_worker(keeper, false)) {
            keeper->not_before_ms = clock_now_ms() + UNFIT_PAUSE_MS;
            return;
        }
    }
}

static enum scan_exit
exit_reason(const struct worker *worker, int status)
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

static void
bury(struct keeper *keeper, struct worker *worker, int status)
{
    enum scan_exit reason = exit_reason(worker, status);
    /* One that never got ready won't do better when tried again at once. */
    bool unfit = state_of(keeper, worker) == WORKER_STARTING;

    scan_slot_bury(slot_of(keeper, worker), worker->gave_way   ? DEATH_FOR_OTHERS
                                            : is_crash(status) ? DEATH_BY_CRASH
                                                               : DEATH_BY_OTHERS);
    atomic_fetch_add(&keeper->setup->board->exits[reason], 1);
    if (unfit || reason == EXIT_FAILED)
        keeper->not_before_ms = clock_now_ms() + UNFIT_PAUSE_MS;
    if (reason == EXIT_SIGNAL || reason == EXIT_STUCK)
        log_error("scan worker ended", log_number("worker", worker->number),
            log_number("pid", worker->pid), log_text("reason", scan_exit_name(reason)),
            WIFSIGNALED(status) ? log_number("signal", WTERMSIG(status)) : log_nothing(),
            log_note(unfit ? "before it was ready" : "a spare takes its place"));
    (void)close(worker->commands);
    scan_folder_give_back(&keeper->folders, &worker->folder);
    scan_board_free_slot(keeper->setup->board, worker->number);
    *worker = (struct worker){0};
}

static void
retire_all(struct keeper *keeper)
{
    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        struct worker *worker = &keeper->workers[i];

        if (worker->pid == 0 || worker->retired)
            continue;
        worker->retired = true;
        say(worker->commands, WORKER_RETIRE);
    }
}

/* Loading them again, once they have changed, is the supervisor's business. */
static void
give_up(struct keeper *keeper)
{
    log_error("signatures", log_text("databases", keeper->setup->databases),
        log_note("they do not find the EICAR test mail"));
    keeper->blind = true;
    keeper->draining = true;
    retire_all(keeper);
}

static struct worker *
find_worker(struct keeper *keeper, pid_t pid)
{
    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        if (keeper->workers[i].pid == pid)
            return &keeper->workers[i];
    }
    return NULL;
}

static void
kill_worker(struct worker *worker)
{
    worker->stuck = true;
    worker->retired = true;
    (void)kill(worker->pid, SIGKILL);
}

/* One that was stopped while it waits has no deadline: it would never be missed. */
static void
reap(struct keeper *keeper)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    while (read(keeper->children, &info, sizeof(info)) > 0)
        continue;
    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
        struct worker *worker = find_worker(keeper, pid);

        if (worker == NULL)
            continue;
        if (WIFSTOPPED(status)) {
            kill_worker(worker);
            continue;
        }
        bury(keeper, worker, status);
        if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_EXIT_BLIND &&
            !keeper->told_ready && !keeper->draining)
            give_up(keeper);
    }
}

/* A worker past the deadline of its job, or one that never gets ready, is killed. */
static void
kill_stuck(struct keeper *keeper)
{
    uint64_t now = clock_now_ms();

    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        struct worker *worker = &keeper->workers[i];
        uint64_t deadline;

        if (worker->pid == 0 || worker->stuck)
            continue;
        deadline = atomic_load(&slot_of(keeper, worker)->deadline_ms);
        if (state_of(keeper, worker) == WORKER_STARTING)
            deadline = worker->started_ms + START_MS;
        if (deadline == 0 || now < deadline + STUCK_GRACE_MS)
            continue;
        kill_worker(worker);
    }
}

/* It keeps its job where there is room for one more of them. */
static void
give_way(struct keeper *keeper, struct worker *worker)
{
    worker->retired = true;
    if (count_long(keeper) < scan_lane_most(keeper->setup->workers)) {
        worker->is_long = true;
        (void)setpriority(PRIO_PROCESS, (id_t)worker->pid, SCAN_LONG_NICE);
        say(worker->commands, WORKER_RETIRE);
    } else {
        worker->gave_way = true;
        (void)kill(worker->pid, SIGKILL);
    }
}

/* Only while all are busy and something waits. */
static void
make_way(struct keeper *keeper)
{
    const struct scan_lane_watch *watches[SCAN_WORKERS_MAX];
    struct worker *busy[SCAN_WORKERS_MAX];
    size_t count = 0;
    bool idle = false;
    bool gets_on = false;
    int chosen;

    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        struct worker *worker = &keeper->workers[i];
        enum scan_worker_state state;
        uint64_t job;

        if (worker->pid == 0 || worker->retired || worker->is_long || !worker->active)
            continue;
        state = state_of(keeper, worker);
        job = state == WORKER_BUSY ? atomic_load(&slot_of(keeper, worker)->job) : 0;
        idle |= state == WORKER_IDLE;
        gets_on |= job != worker->lane.job;
        scan_lane_look(&worker->lane, worker->pid, job);
        watches[count] = &worker->lane;
        busy[count++] = worker;
    }
    if (idle || !scan_lane_has_waiting(keeper->setup->jobs)) {
        keeper->waiting_ms = 0;
        return;
    }
    if (keeper->waiting_ms == 0)
        keeper->waiting_ms = clock_now_ms();
    chosen =
        scan_lane_choose(watches, count, clock_now_ms() - keeper->waiting_ms, gets_on);
    if (chosen >= 0)
        give_way(keeper, busy[chosen]);
}

/* More of them than may be are no hurry: what takes long can wait. */
static void
serve_long_lane(struct keeper *keeper)
{
    if (clock_now_ms() >= keeper->not_before_ms &&
        count_long(keeper) < scan_lane_most(keeper->setup->workers) &&
        scan_lane_has_waiting(keeper->setup->long_jobs) && !start_worker(keeper, true))
        keeper->not_before_ms = clock_now_ms() + UNFIT_PAUSE_MS;
}

static void
hear(struct keeper *keeper)
{
    char word;
    ssize_t got = read(keeper->control, &word, 1);

    if (got < 0 && errno == EINTR)
        return;
    keeper->draining = true;
    retire_all(keeper);
}

static void
turn(struct keeper *keeper)
{
    struct pollfd waiting[2] = {
        {keeper->children,                        POLLIN, 0},
        {keeper->draining ? -1 : keeper->control, POLLIN, 0},
    };
    /* Until the first is ready a look is cheap and every millisecond counts. */
    bool starting = count_workers(keeper, true) < keeper->setup->workers;

    (void)poll(waiting, 2, starting ? 10 : LOOK_MS);
    if (waiting[0].revents != 0)
        reap(keeper);
    if (waiting[1].revents != 0)
        hear(keeper);
    kill_stuck(keeper);
    make_way(keeper);
    if (keeper->draining)
        return;
    activate(keeper);
    fill_up(keeper);
    serve_long_lane(keeper);
}

/* While we may: a file system is made by root.  Workers that have just ended still hold
 * theirs, hence twice as many as run. */
static bool
open_folders(struct keeper *keeper)
{
    const struct scan_keeper *setup = keeper->setup;
    struct scan_folders *folders = &keeper->folders;
    struct error error;

    if (!scan_folder_open(folders, setup->temp, setup->user, setup->group)) {
        log_say(LOG_LEVEL_ERROR, "no folder for temporary files, %s: %s", folders->base,
            strerror(errno));
        return false;
    }
    if (setup->memory == 0 || scan_memory_holds(folders->base))
        return true;
    if (scan_folder_use_memory(
            folders, 2 * (setup->workers + setup->spares), setup->memory, &error))
        log_say(LOG_LEVEL_INFO, "temporary files are in memory, at most %llu MB a worker",
            (unsigned long long)setup->memory >> 20);
    else
        log_say(LOG_LEVEL_INFO, "temporary files are on disk, in %s (%s)", folders->base,
            error.text);
    return true;
}

static bool
become_user(const struct scan_keeper *setup)
{
    /* Without Landlock a worker needs root once more, for chroot. */
    if (getuid() != 0 || setup->user == 0 || !scan_lock_has_landlock())
        return true;
    return setgroups(0, NULL) == 0 &&
           setresgid(setup->group, setup->group, setup->group) == 0 &&
           setresuid(setup->user, setup->user, setup->user) == 0;
}

static bool
load(struct keeper *keeper)
{
    const struct scan_keeper *setup = keeper->setup;
    char version[SCAN_VERSION_MAX];
    struct error error;
    uint64_t began = clock_now_ms();

    keeper->engine = clam_engine_load(setup->databases, &setup->limits, &error);
    if (keeper->engine == NULL) {
        log_error(
            "signatures", log_text("databases", setup->databases), log_note(error.text));
        return false;
    }
    clam_engine_preload();
    clam_engine_version(keeper->engine, version, sizeof(version));
    log_info("signatures", log_text("databases", setup->databases),
        log_number("signatures", clam_engine_signatures(keeper->engine)),
        log_text("version", version),
        log_milliseconds("delay", (int64_t)(clock_now_ms() - began)));
    return true;
}

static bool
open_signals(struct keeper *keeper)
{
    sigset_t child;

    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &child, NULL);
    keeper->children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    return keeper->children >= 0;
}

int
scan_keeper_run(void *argument, int control)
{
    static struct keeper of_this_process;
    struct keeper *keeper = &of_this_process;

    keeper->setup = argument;
    keeper->control = control;
    /* A load takes long and listens to nobody: it ends with the supervisor, later word of
     * its end comes by `control`. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!load(keeper))
        return KEEPER_EXIT_NO_SIGNATURES;
    (void)prctl(PR_SET_PDEATHSIG, 0);
    if (!open_folders(keeper))
        return EXIT_FAILURE;
    if (!become_user(keeper->setup) || !open_signals(keeper)) {
        log_say(LOG_LEVEL_ERROR, "the keeper of the scan workers can't start: %s",
            strerror(errno));
        return EXIT_FAILURE;
    }
    fill_up(keeper);
    while (!keeper->draining ||
           count_workers(keeper, true) + count_workers(keeper, false) > 0)
        turn(keeper);
    /* Those that were told to end are not counted any more: wait for them. */
    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        while (keeper->workers[i].pid != 0)
            turn(keeper);
    }
    scan_folder_remove(&keeper->folders);
    return keeper->blind ? KEEPER_EXIT_NO_SIGNATURES : EXIT_SUCCESS;
}
