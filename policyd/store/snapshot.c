#include "policyd/store/snapshot.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policyd/store/snapshot_file.h"
#include "policyd/store/state_record.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    LEAST_PAUSE_MS = 1000,
    PAUSE_FACTOR = 10,
    RETRY_MS = 60 * 1000, /* after a failure */
    CHILD_MS_MAX = 300 * 1000,
    CHILD_NICE = 10,
    END_MS_MAX = 2000, /* that the end waits for a child */
    KILLED = -1,       /* no errno */
};

struct snapshot {
    struct event_base *base;
    char path[PATH_MAX];
    snapshot_source *source;
    void *argument;
    pid_t child; /* 0: none */
    int end;     /* closed by the child's end */
    struct event *ended;
    struct event *timer;
    bool wanted;
    uint64_t begun_ms;
    uint64_t next_ms; /* not before */
    int64_t written;  /* unix time of the replica that the child writes, or wrote last */
    int64_t succeeded;
    uint64_t writes;
    uint64_t failures;
    uint64_t soonest_ms; /* where something has changed since a failure */
    int failure;         /* errno of the last one that goes on; 0: none */
    bool record_failed;  /* so did the states' record */
    bool complained;     /* of the failure that goes on */
};

/* The child's exit code: errno of the snapshot's failure, and whether the states' record
 * failed too. */
enum { EXIT_ERRNO = 0x7f, EXIT_RECORD = 0x80 };

/* --- the child --- */

/* The states whatever became of the snapshot: they have their room. */
static int
write_both(
    const char *path, const struct replica *replica, const struct snapshot_extra *extra)
{
    int failure = snapshot_file_write(path, replica, extra) & EXIT_ERRNO;
    int record = state_record_write(path, replica, extra);

    return failure | (record != 0 ? EXIT_RECORD : 0);
}

/*
 * Nothing of the parent's lives on here: its sockets are closed, so that a new parent can
 * listen on them, and no handler of its runs.
 */
static void
run_child(const struct snapshot *snapshot, pid_t parent, int end,
    const struct replica *replica, const struct snapshot_extra *extra)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EINTR);
    if (end > 3)
        close_range(3, (unsigned)end - 1, 0);
    close_range((unsigned)end + 1, ~0U, 0);
    (void)setpriority(PRIO_PROCESS, 0, CHILD_NICE);
    _exit(write_both(snapshot->path, replica, extra));
}

/* --- the parent --- */

static void
wait_until(struct snapshot *snapshot, uint64_t time_ms)
{
    uint64_t now = clock_now_ms();
    uint64_t wait_ms = time_ms > now ? time_ms - now : 0;
    struct timeval wait = clock_timeval(wait_ms);

    event_add(snapshot->timer, &wait);
}

static void
failed(struct snapshot *snapshot, const char *what, int failure)
{
    const char *why = failure == KILLED ? "the writer was killed" : strerror(failure);

    snapshot->failures++;
    snapshot->failure = failure;
    snapshot->wanted = true;
    snapshot->soonest_ms = snapshot->next_ms > clock_now_ms()
                               ? snapshot->next_ms
                               : clock_now_ms() + LEAST_PAUSE_MS;
    if (!snapshot->complained)
        log_warning("", log_text("snapshot", snapshot->path), log_text("failed", what),
            log_note(why));
    snapshot->complained = true;
    snapshot->next_ms = clock_now_ms() + RETRY_MS;
}

static void
finish(struct snapshot *snapshot, int status)
{
    uint64_t duration_ms = clock_now_ms() - snapshot->begun_ms;

    snapshot->child = 0;
    close(snapshot->end);
    event_free(snapshot->ended);
    snapshot->ended = NULL;
    snapshot->next_ms = clock_now_ms() + PAUSE_FACTOR * duration_ms;
    if (snapshot->next_ms < snapshot->begun_ms + LEAST_PAUSE_MS)
        snapshot->next_ms = snapshot->begun_ms + LEAST_PAUSE_MS;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        snapshot->writes++;
        snapshot->succeeded = snapshot->written;
        snapshot->complained = false;
        snapshot->failure = 0;
        snapshot->record_failed = false;
    } else if (WIFEXITED(status)) {
        snapshot->record_failed = (WEXITSTATUS(status) & EXIT_RECORD) != 0;
        failed(snapshot, "write", WEXITSTATUS(status) & EXIT_ERRNO);
    } else {
        snapshot->record_failed = true;
        failed(snapshot, "write", KILLED);
    }
    if (snapshot->wanted)
        wait_until(snapshot, snapshot->next_ms);
}

static void
on_ended(evutil_socket_t fd, short what, void *argument)
{
    struct snapshot *snapshot = argument;
    int status = 0;

    (void)fd;
    if ((what & EV_TIMEOUT) != 0)
        (void)kill(snapshot->child, SIGKILL);
    /* Where somebody else has taken its status, it is unknown: that counts as a failure.
     */
    if (waitpid(snapshot->child, &status, 0) != snapshot->child)
        status = W_EXITCODE(ECHILD, 0);
    finish(snapshot, status);
}

static void
start_child(struct snapshot *snapshot)
{
    static const struct timeval longest = {CHILD_MS_MAX / 1000, 0};
    struct snapshot_extra extra = {.knows_accept = false};
    const struct replica *replica = snapshot->source(snapshot->argument, &extra);
    pid_t parent = getpid();
    int ends[2];

    snapshot->wanted = false;
    snapshot->written = extra.written;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        failed(snapshot, "pipe", errno);
        wait_until(snapshot, snapshot->next_ms);
        return;
    }
    snapshot->begun_ms = clock_now_ms();
    snapshot->child = fork();
    if (snapshot->child == 0)
        run_child(snapshot, parent, ends[1], replica, &extra);
    close(ends[1]);
    if (snapshot->child < 0) {
        snapshot->child = 0;
        close(ends[0]);
        failed(snapshot, "fork", errno);
        wait_until(snapshot, snapshot->next_ms);
        return;
    }
    snapshot->end = ends[0];
    snapshot->ended = event_new(snapshot->base, ends[0], EV_READ, on_ended, snapshot);
    event_add(snapshot->ended, &longest);
}

static void
on_timer(evutil_socket_t fd, short what, void *argument)
{
    struct snapshot *snapshot = argument;

    (void)fd;
    (void)what;
    if (snapshot->wanted && snapshot->child == 0)
        start_child(snapshot);
}

/* A disk that is too slow for the little time there is at the end: the file before stays.
 */
static void
end_child(struct snapshot *snapshot)
{
    struct pollfd end = {.fd = snapshot->end, .events = POLLIN};
    bool is_late = poll(&end, 1, END_MS_MAX) == 0;

    on_ended(-1, (short)(is_late ? EV_TIMEOUT : 0), snapshot);
    if (is_late)
        snapshot_file_remove_temporary(snapshot->path);
}

/* At the end nobody waits for an answer: without a child. */
static void
write_last(struct snapshot *snapshot)
{
    struct snapshot_extra extra = {.knows_accept = false};
    const struct replica *replica = snapshot->source(snapshot->argument, &extra);
    int failure = write_both(snapshot->path, replica, &extra) & EXIT_ERRNO;

    if (failure != 0)
        failed(snapshot, "write", failure);
}

struct snapshot *
snapshot_new(
    struct event_base *base, const char *path, snapshot_source *source, void *argument)
{
    struct snapshot *snapshot = allocate(sizeof(*snapshot));

    snapshot->base = base;
    snprintf(snapshot->path, sizeof(snapshot->path), "%s", path);
    snapshot->source = source;
    snapshot->argument = argument;
    snapshot->timer = allocated(event_new(base, -1, 0, on_timer, snapshot));
    return snapshot;
}

void
snapshot_free(struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    if (snapshot->child != 0)
        end_child(snapshot);
    if (snapshot->wanted)
        write_last(snapshot);
    event_free(snapshot->timer);
    free(snapshot);
}

void
snapshot_touch(struct snapshot *snapshot)
{
    /* After a failure: what is new is in the states' record at once. */
    if (snapshot->failure != 0 && snapshot->next_ms > snapshot->soonest_ms)
        snapshot->next_ms = snapshot->soonest_ms;
    else if (snapshot->wanted)
        return;
    snapshot->wanted = true;
    if (snapshot->child == 0)
        wait_until(snapshot, snapshot->next_ms);
}

bool
snapshot_trouble(const struct snapshot *snapshot, char *text, size_t size)
{
    if (snapshot->failure == 0)
        return false;
    snprintf(text, size, "the snapshot %s can't be written: %s; %s", snapshot->path,
        snapshot->failure == KILLED ? "the writer was killed"
                                    : strerror(snapshot->failure),
        snapshot->record_failed
            ? "a restart without Redis goes back to what stood there before"
            : "the domains' states are kept beside it, newer pins, units and lists are "
              "not");
    return true;
}

int64_t
snapshot_written(const struct snapshot *snapshot)
{
    return snapshot->succeeded;
}

uint64_t
snapshot_writes(const struct snapshot *snapshot)
{
    return snapshot->writes;
}

uint64_t
snapshot_failures(const struct snapshot *snapshot)
{
    return snapshot->failures;
}
