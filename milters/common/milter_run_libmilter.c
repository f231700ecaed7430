/*
 * The other engine behind milter_run.h and milter_session.h: the reference library
 * (make MILTER=libmilter).
 *
 * libmilter has a listener and a pool of threads of its own, which the first thread
 * leaves alone: it hears the supervisor and signals, as with our reader.  To drain, it
 * puts a socket that nobody knows in the place of the listening one, since libmilter has
 * no other way to take nothing new.
 *
 * Limits, which are libmilter's: it hangs up where the MTA knows no address of the client
 * (family "U" with one); it has no ceiling for connections; what breaks the protocol it
 * tells in its own words; a draining process may still be given a connection that came
 * within 5 s before; sessions are counted once they have negotiated.
 */
#include "milters/common/milter_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "milters/common/milter_ending.h"
#include "milters/common/milter_session_libmilter.h"
#include "milters/common/milter_supervise.h"
#include "shared/service/log.h"

enum { SILENCE_S = 7210 };

const char milter_run_engine[] = "libmilter";

static int wake[2];

static void
on_signal(int number)
{
    int saved_errno = errno;
    const char octet = 'S';

    (void)number;
    (void)!write(wake[1], &octet, 1);
    errno = saved_errno;
}

/* Its own threads are deaf to signals, but for one that waits for TERM: where that is
 * quicker than we, it ends the library, and we follow. */
static void *
run_library(void *unused)
{
    (void)unused;
    (void)smfi_main();
    on_signal(SIGTERM);
    return NULL;
}

static bool
start_library(const struct milter_run *run, struct milter_counts *counts)
{
    char place[32];
    pthread_t thread;

    (void)snprintf(place, sizeof(place), "fd:%d", run->fd);
    (void)smfi_setmaxdatasize(MILTER_PACKET_MAX);
    return smfi_settimeout(SILENCE_S) == MI_SUCCESS &&
           smfi_setconn(place) == MI_SUCCESS &&
           smfi_register(milter_session_callbacks(run, counts)) == MI_SUCCESS &&
           pthread_create(&thread, NULL, run_library, NULL) == 0 &&
           pthread_detach(thread) == 0;
}

static void
drain(int fd)
{
    int nobody = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (nobody >= 0 && bind(nobody, &(struct sockaddr){AF_UNIX, {0}}, 2) == 0 &&
        listen(nobody, 1) == 0)
        (void)dup2(nobody, fd);
}

/* Until the process may end. */
static void
wait_for_end(struct milter_ending *ending, int fd)
{
    while (!milter_ending_is_over(ending)) {
        bool ends = milter_ending_has_begun(ending);
        bool stops = ending->stopping_ms > 0;
        struct pollfd waiting[2] = {
            {stops ? -1 : ending->control, POLLIN, 0},
            {stops ? -1 : wake[0],         POLLIN, 0},
        };

        (void)poll(waiting, 2, ends ? MILTER_ENDING_LOOK_MS : -1);
        if (waiting[0].revents != 0)
            milter_ending_hear(ending);
        if (waiting[1].revents != 0)
            milter_ending_stop(ending);
        if (ending->draining && !ends)
            drain(fd);
    }
}

int
milter_run(const struct milter_run *run)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct milter_counts *counts = milter_counts_mine();
    struct milter_ending ending = {.control = run->control, .counts = counts};
    sigset_t all;
    sigset_t before;

    if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) < 0)
        return EXIT_FAILURE;
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)signal(SIGHUP, SIG_IGN);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    if (!start_library(run, counts)) {
        log_say(LOG_LEVEL_ERROR, "libmilter can't be started");
        return EXIT_FAILURE;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    supervise_say_ready(run->control);
    wait_for_end(&ending, run->fd);
    return EXIT_SUCCESS;
}
