#include "milters/common/milter_run.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "milters/common/milter_ending.h"
#include "milters/common/milter_supervise.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"
#include "shared/service/metrics.h"

enum {
    PAUSE_MS = 100,  /* before the next try, where there are no descriptors or threads */
    QUIET_MS = 1000, /* after a line that says so */
    STACK_SIZE = 1 << 20,
};

const char milter_run_engine[] = "our own reader";

/* A connection on its way to its thread, which frees it. */
struct visit {
    struct server *server;
    int fd;
};

struct server {
    const struct milter_run *run;
    struct milter_counts *counts;
    pthread_attr_t threads;
    uint64_t complained_ms;
    struct milter_ending ending;
};

static volatile sig_atomic_t told_to_stop;

static void
on_signal(int number)
{
    (void)number;
    told_to_stop = 1;
}

static void
count_session(struct server *server, int change)
{
    atomic_fetch_add(&server->counts->sessions, change);
    if (server->run->gauge != NULL)
        metrics_add(server->run->gauge, change);
}

static void *
serve(void *argument)
{
    struct visit visit = *(struct visit *)argument;
    const struct milter_run *run = visit.server->run;

    free(argument);
    milter_session_run(visit.fd, run->handler, run->service, visit.server->counts);
    (void)close(visit.fd);
    count_session(visit.server, -1);
    return NULL;
}

/* What goes on ten times a second is told once. */
static bool
may_complain(struct server *server)
{
    uint64_t now = clock_now_ms();

    if (server->complained_ms > 0 && now - server->complained_ms < QUIET_MS)
        return false;
    server->complained_ms = now;
    return true;
}

static bool
start_session(struct server *server, int fd)
{
    struct visit *visit = allocate(sizeof(*visit));
    pthread_t thread;
    int problem;

    *visit = (struct visit){server, fd};
    count_session(server, 1);
    problem = atomic_load(&server->counts->sessions) > MILTER_SESSIONS_MAX
                  ? EMFILE
                  : pthread_create(&thread, &server->threads, serve, visit);
    if (problem == 0)
        return true;
    if (may_complain(server))
        log_say(LOG_LEVEL_WARNING, "milter: hung up on an MTA: %d sessions, %s",
            atomic_load(&server->counts->sessions) - 1, strerror(problem));
    count_session(server, -1);
    (void)close(fd);
    free(visit);
    return false;
}

/* The process before or after us on the same socket may have been quicker. */
static void
accept_one(struct server *server)
{
    int fd = accept4(server->run->fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0 && start_session(server, fd))
        return;
    if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
        return;
    if (fd < 0 && may_complain(server))
        log_say(LOG_LEVEL_WARNING, "milter: can't accept: %s", strerror(errno));
    (void)poll(NULL, 0, PAUSE_MS);
}

/* Signals are heard while waiting and at no other time. */
static void
wait_for_word(struct server *server, const sigset_t *heard)
{
    struct milter_ending *ending = &server->ending;
    bool ends = milter_ending_has_begun(ending);
    const struct timespec look = {.tv_nsec = MILTER_ENDING_LOOK_MS * 1000000L};
    struct pollfd waiting[2] = {
        {ending->stopping_ms > 0 ? -1 : ending->control, POLLIN, 0},
        {ends ? -1 : server->run->fd,                    POLLIN, 0},
    };

    if (ppoll(waiting, ARRAY_LENGTH(waiting), ends ? &look : NULL, heard) > 0) {
        if (waiting[0].revents != 0)
            milter_ending_hear(ending);
        else if (waiting[1].revents != 0)
            accept_one(server);
    }
    if (told_to_stop != 0)
        milter_ending_stop(ending);
}

/* All threads but this one are deaf to signals, and this one hears them where it waits.
 * HUP is the supervisor's business. */
static void
set_signals(sigset_t *heard)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t all;

    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)signal(SIGHUP, SIG_IGN);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, heard);
}

int
milter_run(const struct milter_run *run)
{
    static struct server server;
    sigset_t heard;

    server.run = run;
    server.counts = milter_counts_mine();
    server.ending =
        (struct milter_ending){.control = run->control, .counts = server.counts};
    if (pthread_attr_init(&server.threads) != 0 ||
        pthread_attr_setdetachstate(&server.threads, PTHREAD_CREATE_DETACHED) != 0) {
        log_say(LOG_LEVEL_ERROR, "can't serve: no threads");
        return EXIT_FAILURE;
    }
#ifndef POSTSHIFT_SANITIZED
    (void)pthread_attr_setstacksize(&server.threads, STACK_SIZE);
#endif
    set_signals(&heard);
    supervise_say_ready(run->control);
    while (!milter_ending_is_over(&server.ending))
        wait_for_word(&server, &heard);
    return EXIT_SUCCESS;
}
