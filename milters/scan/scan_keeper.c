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
#include "milters/scan/scan_crew.h"
#include "milters/scan/scan_lock.h"
#include "milters/scan/scan_memory.h"
#include "milters/scan/scan_worker.h"
#include "shared/base/attributes.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    LOOK_MS = 100,        /* between looks at what the workers do */
    STUCK_GRACE_MS = 300, /* after its deadline a worker is killed */
    START_MS = 60000,     /* to pass the self test */
};

struct keeper {
    struct scan_crew crew;
    bool told_ready;
    bool draining;
    bool blind; /* its signatures do not find the test mail: of no use to anybody */
    uint64_t waiting_ms; /* since when something waits while all are busy; 0: nothing */
};

/* What is in use from now on. */
static void
publish(const struct keeper *keeper)
{
    struct scan_board *board = keeper->crew.setup->board;
    char version[SCAN_VERSION_MAX];

    clam_engine_version(keeper->crew.engine, version, sizeof(version));
    scan_board_set_version(board, version);
    atomic_store(&board->signatures, clam_engine_signatures(keeper->crew.engine));
    atomic_store(&board->database_time, clam_engine_time(keeper->crew.engine));
}

/* As many as should take jobs do, out of those that have passed their test. */
static void
activate(struct keeper *keeper)
{
    unsigned active = scan_crew_count(&keeper->crew, true);

    for (size_t i = 0; i < SCAN_WORKERS_MAX && active < keeper->crew.setup->workers;
         i++) {
        struct scan_member *worker = &keeper->crew.workers[i];

        if (worker->pid == 0 || worker->retired || worker->active || worker->is_long ||
            scan_crew_state(&keeper->crew, worker) != WORKER_SPARE)
            continue;
        /* From the first job on only the supervisor's word ends us. */
        (void)signal(SIGTERM, SIG_IGN);
        worker->active = true;
        scan_crew_say(worker->commands, WORKER_ACTIVATE);
        active++;
    }
    if (active > 0 && !keeper->told_ready) {
        keeper->told_ready = true;
        publish(keeper);
        atomic_store(&keeper->crew.setup->board->ready, true);
        scan_crew_say(keeper->crew.control, SUPERVISE_READY);
    }
}

static void
fill_up(struct keeper *keeper)
{
    unsigned wanted = keeper->crew.setup->workers + keeper->crew.setup->spares;
    unsigned have =
        scan_crew_count(&keeper->crew, true) + scan_crew_count(&keeper->crew, false);

    if (keeper->draining || clock_now_ms() < keeper->crew.not_before_ms)
        return;
    for (; have < wanted; have++) {
        if (!scan_crew_start(&keeper->crew, false)) {
            keeper->crew.not_before_ms = clock_now_ms() + SCAN_CREW_PAUSE_MS;
            return;
        }
    }
}

/* Loading them again, once they have changed, is the supervisor's business. */
static void
give_up(struct keeper *keeper)
{
    log_error("signatures", log_text("databases", keeper->crew.setup->databases),
        log_note("they do not find the EICAR test mail"));
    keeper->blind = true;
    keeper->draining = true;
    scan_crew_retire(&keeper->crew);
}

/* One that was stopped while it waits has no deadline: it would never be missed. */
static void
reap(struct keeper *keeper)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    while (read(keeper->crew.children, &info, sizeof(info)) > 0)
        continue;
    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
        struct scan_member *worker = scan_crew_find(&keeper->crew, pid);

        if (worker == NULL)
            continue;
        if (WIFSTOPPED(status)) {
            scan_crew_kill(worker);
            continue;
        }
        scan_crew_bury(&keeper->crew, worker, status);
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
        struct scan_member *worker = &keeper->crew.workers[i];
        uint64_t deadline;

        if (worker->pid == 0 || worker->stuck)
            continue;
        deadline = atomic_load(&scan_crew_slot(&keeper->crew, worker)->deadline_ms);
        if (scan_crew_state(&keeper->crew, worker) == WORKER_STARTING)
            deadline = worker->started_ms + START_MS;
        if (deadline == 0 || now < deadline + STUCK_GRACE_MS)
            continue;
        scan_crew_kill(worker);
    }
}

/* It keeps its job where there is room for one more of them. */
static void
give_way(struct keeper *keeper, struct scan_member *worker)
{
    worker->retired = true;
    if (scan_crew_count_long(&keeper->crew) <
        scan_lane_most(keeper->crew.setup->workers)) {
        worker->is_long = true;
        (void)setpriority(PRIO_PROCESS, (id_t)worker->pid, SCAN_LONG_NICE);
        scan_crew_say(worker->commands, WORKER_RETIRE);
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
    struct scan_member *busy[SCAN_WORKERS_MAX];
    size_t count = 0;
    bool idle = false;
    bool gets_on = false;
    int chosen;

    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        struct scan_member *worker = &keeper->crew.workers[i];
        enum scan_worker_state state;
        uint64_t job;

        if (worker->pid == 0 || worker->retired || worker->is_long || !worker->active)
            continue;
        state = scan_crew_state(&keeper->crew, worker);
        job = state == WORKER_BUSY
                  ? atomic_load(&scan_crew_slot(&keeper->crew, worker)->job)
                  : 0;
        idle |= state == WORKER_IDLE;
        gets_on |= job != worker->lane.job;
        scan_lane_look(&worker->lane, worker->pid, job);
        watches[count] = &worker->lane;
        busy[count++] = worker;
    }
    if (idle || !scan_lane_has_waiting(keeper->crew.setup->jobs)) {
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
    if (clock_now_ms() >= keeper->crew.not_before_ms &&
        scan_crew_count_long(&keeper->crew) <
            scan_lane_most(keeper->crew.setup->workers) &&
        scan_lane_has_waiting(keeper->crew.setup->long_jobs) &&
        !scan_crew_start(&keeper->crew, true))
        keeper->crew.not_before_ms = clock_now_ms() + SCAN_CREW_PAUSE_MS;
}

static void
hear(struct keeper *keeper)
{
    char word;
    ssize_t got = read(keeper->crew.control, &word, 1);

    if (got < 0 && errno == EINTR)
        return;
    keeper->draining = true;
    scan_crew_retire(&keeper->crew);
}

static void
turn(struct keeper *keeper)
{
    struct pollfd waiting[2] = {
        {keeper->crew.children,                        POLLIN, 0},
        {keeper->draining ? -1 : keeper->crew.control, POLLIN, 0},
    };
    /* Until the first is ready a look is cheap and every millisecond counts. */
    bool starting = scan_crew_count(&keeper->crew, true) < keeper->crew.setup->workers;

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
    const struct scan_keeper *setup = keeper->crew.setup;
    struct scan_folders *folders = &keeper->crew.folders;
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
    const struct scan_keeper *setup = keeper->crew.setup;
    char version[SCAN_VERSION_MAX];
    struct error error;
    uint64_t began = clock_now_ms();

    keeper->crew.engine = clam_engine_load(setup->databases, &setup->limits, &error);
    if (keeper->crew.engine == NULL) {
        log_error(
            "signatures", log_text("databases", setup->databases), log_note(error.text));
        return false;
    }
    clam_engine_preload();
    clam_engine_version(keeper->crew.engine, version, sizeof(version));
    log_info("signatures", log_text("databases", setup->databases),
        log_number("signatures", clam_engine_signatures(keeper->crew.engine)),
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
    keeper->crew.children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    return keeper->crew.children >= 0;
}

int
scan_keeper_run(void *argument, int control)
{
    static struct keeper of_this_process;
    struct keeper *keeper = &of_this_process;

    keeper->crew.setup = argument;
    keeper->crew.control = control;
    /* A load takes long and listens to nobody: it ends with the supervisor, later word of
     * its end comes by `control`. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!load(keeper))
        return KEEPER_EXIT_NO_SIGNATURES;
    (void)prctl(PR_SET_PDEATHSIG, 0);
    if (!open_folders(keeper))
        return EXIT_FAILURE;
    if (!become_user(keeper->crew.setup) || !open_signals(keeper)) {
        log_say(LOG_LEVEL_ERROR, "the keeper of the scan workers can't start: %s",
            strerror(errno));
        return EXIT_FAILURE;
    }
    fill_up(keeper);
    while (
        !keeper->draining ||
        scan_crew_count(&keeper->crew, true) + scan_crew_count(&keeper->crew, false) > 0)
        turn(keeper);
    /* Those that were told to end are not counted any more: wait for them. */
    for (size_t i = 0; i < SCAN_WORKERS_MAX; i++) {
        while (keeper->crew.workers[i].pid != 0)
            turn(keeper);
    }
    scan_folder_remove(&keeper->crew.folders);
    return keeper->blind ? KEEPER_EXIT_NO_SIGNATURES : EXIT_SUCCESS;
}
