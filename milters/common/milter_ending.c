#include "milters/common/milter_ending.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "milters/common/milter_supervise.h"
#include "shared/service/clock.h"

enum {
    STOP_MS = 7000,
    LOOK_MS = 20, /* while it drains or stops: look so often */
};

static volatile sig_atomic_t told_to_stop;

static void
on_signal(int number)
{
    (void)number;
    told_to_stop = 1;
}

static void
stop(struct milter_ending *ending)
{
    if (ending->stopping_ms == 0)
        ending->stopping_ms = clock_now_ms();
}

/* The supervisor has said something. */
static void
hear(struct milter_ending *ending)
{
    char word = SUPERVISE_STOP;
    ssize_t got = read(ending->control, &word, 1);

    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got == 1 && word == SUPERVISE_DRAIN)
        ending->draining = true;
    else if (got <= 0 || word == SUPERVISE_STOP)
        stop(ending); /* without a supervisor there is no use */
}

void
milter_ending_init(
    struct milter_ending *ending, int control, const struct milter_counts *counts)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t all;

    *ending = (struct milter_ending){.control = control, .counts = counts};
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)signal(SIGHUP, SIG_IGN);
    (void)sigfillset(&all);
    (void)sigdelset(&all, SIGHUP); /* what is blocked is kept, and libmilter ends by it */
    (void)pthread_sigmask(SIG_SETMASK, &all, &ending->heard);
}

static bool
has_begun(const struct milter_ending *ending)
{
    return ending->draining || ending->stopping_ms > 0;
}

bool
milter_ending_wait(struct milter_ending *ending, int fd)
{
    bool ends = has_begun(ending);
    const struct timespec look = {.tv_nsec = LOOK_MS * 1000000L};
    struct pollfd waiting[2] = {
        {ending->stopping_ms > 0 ? -1 : ending->control, POLLIN, 0},
        {ends ? -1 : fd,                                 POLLIN, 0},
    };
    int count = ppoll(waiting, 2, ends ? &look : NULL, &ending->heard);

    if (told_to_stop != 0)
        stop(ending);
    if (count <= 0)
        return false;
    if (waiting[0].revents != 0)
        hear(ending);
    return waiting[0].revents == 0 && waiting[1].revents != 0;
}

bool
milter_ending_is_over(const struct milter_ending *ending)
{
    if (ending->draining && atomic_load(&ending->counts->sessions) == 0)
        return true;
    return ending->stopping_ms > 0 &&
           (atomic_load(&ending->counts->messages) == 0 ||
               clock_now_ms() - ending->stopping_ms >= STOP_MS);
}
