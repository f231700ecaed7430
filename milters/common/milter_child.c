#include "milters/common/milter_child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/attributes.h"

static int
compare_fds(const void *left, const void *right)
{
    return *(const int *)left - *(const int *)right;
}

/* Closes all but the standard descriptors and those of the role. */
static void
close_the_rest(const struct supervise_role *role, int control)
{
    int keep[SUPERVISE_KEEP_MAX + 1];
    size_t count = 0;
    unsigned next = 3;

    for (size_t i = 0; i < role->keep_count; i++)
        keep[count++] = role->keep[i];
    keep[count++] = control;
    qsort(keep, count, sizeof(keep[0]), compare_fds);
    for (size_t i = 0; i < count; i++) {
        if (keep[i] < 3 || (unsigned)keep[i] < next)
            continue;
        if ((unsigned)keep[i] > next)
            (void)close_range(next, (unsigned)keep[i] - 1, 0);
        next = (unsigned)keep[i] + 1;
    }
    (void)close_range(next, ~0U, 0);
}

/* The parent's handlers write to its event loop: nothing of them may be left here. */
static void
default_signals(void)
{
    static const int handled[] = {
        SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGALRM, SIGUSR1, SIGUSR2};
    sigset_t none;

    for (size_t i = 0; i < ARRAY_LENGTH(handled); i++)
        (void)signal(handled[i], SIG_DFL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static ATTRIBUTE_NO_RETURN void
be_child(const struct supervise_role *role, int control)
{
    default_signals();
    (void)setpgid(0, 0);
    close_the_rest(role, control);
    _exit(role->run(role->argument, control));
}

pid_t
milter_child_fork(const struct supervise_role *role, int *control)
{
    int pair[2];
    sigset_t all;
    sigset_t before;
    pid_t pid;
    int saved_errno;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    /* No handler of the parent's runs in the child. */
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0)
        be_child(role, pair[1]);
    saved_errno = errno;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    (void)close(pair[1]);
    if (pid < 0)
        (void)close(pair[0]);
    *control = pair[0];
    errno = saved_errno;
    return pid;
}
