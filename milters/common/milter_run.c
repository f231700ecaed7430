#include "milters/common/milter_run.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
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

int
milter_run(const struct milter_run *run)
{
    static struct server server;

    server.run = run;
    server.counts = milter_counts_mine();
    if (pthread_attr_init(&server.threads) != 0 ||
        pthread_attr_setdetachstate(&server.threads, PTHREAD_CREATE_DETACHED) != 0) {
        log_say(LOG_LEVEL_ERROR, "can't serve: no threads");
        return EXIT_FAILURE;
    }
#ifndef POSTSHIFT_SANITIZED
    (void)pthread_attr_setstacksize(&server.threads, STACK_SIZE);
#endif
    milter_ending_init(&server.ending, run->control, server.counts);
    supervise_say_ready(run->control);
    while (!milter_ending_is_over(&server.ending)) {
        if (milter_ending_wait(&server.ending, run->fd))
            accept_one(&server);
    }
    return EXIT_SUCCESS;
}
