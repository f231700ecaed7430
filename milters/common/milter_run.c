#include "milters/common/milter_run.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "milters/common/milter_supervise.h"
#include "shared/service/log.h"
#include "shared/service/metrics.h"

/* DEAF_MS: a client that was accepted just before has time to say hello. */
enum { STOP_MS = 8000, LOOK_MS = 20, DEAF_MS = 1000 };

static atomic_int sessions;
static atomic_int messages;
static struct metrics_series *session_gauge;

/*
 * libmilter polls the descriptor by number: with another socket under that number it
 * hears of no new client, while the supervisor's copy and the next serving process go on
 * with the real one.
 */
static void
stop_listening(int fd)
{
    struct sockaddr_un nobody = {.sun_family = AF_UNIX};
    int deaf = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    /* An address of the family alone: the kernel picks an unused abstract name. */
    if (deaf < 0 ||
        bind(deaf, (struct sockaddr *)&nobody, sizeof(nobody.sun_family)) < 0 ||
        listen(deaf, 1) < 0 || dup2(deaf, fd) < 0)
        log_say(LOG_LEVEL_WARNING, "can't drain: %s", strerror(errno));
}

static ATTRIBUTE_NO_RETURN void
end_process(const struct milter_run *run)
{
    if (run->before_exit != NULL)
        run->before_exit(run->argument);
    _exit(EXIT_SUCCESS);
}

/* Waits for the supervisor's next word; what is not there after `wait_ms` (-1: for ever)
 * is 0. */
static char
next_word(int control, int wait_ms)
{
    struct pollfd waiting = {control, POLLIN, 0};
    char word;
    ssize_t got;

    if (poll(&waiting, 1, wait_ms) <= 0)
        return 0;
    got = read(control, &word, 1);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (got != 1)
        word = SUPERVISE_STOP;
    return word;
}

/* Draining waits for sessions, stopping for messages only, and not for ever. */
static bool
may_end(int draining_ms, int stopping_ms)
{
    if (draining_ms >= DEAF_MS && atomic_load(&sessions) == 0)
        return true;
    return stopping_ms > 0 && (atomic_load(&messages) == 0 || stopping_ms >= STOP_MS);
}

static void *
follow_supervisor(void *argument)
{
    const struct milter_run *run = argument;
    bool draining = false;
    bool stopping = false;
    int draining_ms = 0;
    int stopping_ms = 0;

    for (;;) {
        char word = next_word(run->control, draining || stopping ? LOOK_MS : -1);

        if (word != 0 && !draining && !stopping)
            stop_listening(run->fd);
        if (word == SUPERVISE_DRAIN)
            draining = true;
        if (word == SUPERVISE_STOP) {
            /* End of file stays readable: no further poll would wait. */
            if (stopping)
                (void)poll(NULL, 0, LOOK_MS);
            stopping = true;
        }
        draining_ms += draining ? LOOK_MS : 0;
        stopping_ms += stopping ? LOOK_MS : 0;
        if (may_end(draining_ms, stopping_ms))
            end_process(run);
    }
    return NULL;
}

static void
start_following(const struct milter_run *run)
{
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    union {
        const void *given;
        void *passed;
    } argument = {.given = run};

    /* Signals are libmilter's, which waits for them in a thread of its own. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, follow_supervisor, argument.passed) != 0)
        log_fatal(EXIT_FAILURE, "can't start a thread");
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_detach(thread);
}

int
milter_run(const struct milter_run *run)
{
    char connection[24];

    session_gauge = run->sessions;
    (void)snprintf(connection, sizeof(connection), "fd:%d", run->fd);
    (void)smfi_setmaxdatasize(MILTER_FIELD_MAX); /* gives the former limit */
    if (smfi_register(*run->callbacks) != MI_SUCCESS ||
        smfi_setconn(connection) != MI_SUCCESS) {
        log_say(LOG_LEVEL_ERROR, "libmilter refuses to start on %s", connection);
        return EXIT_FAILURE;
    }
    start_following(run);
    if (smfi_main() != MI_SUCCESS) {
        log_say(LOG_LEVEL_ERROR, "libmilter could not serve");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

void
milter_session_began(void)
{
    atomic_fetch_add(&sessions, 1);
    if (session_gauge != NULL)
        metrics_add(session_gauge, 1);
}

void
milter_session_ended(void)
{
    atomic_fetch_sub(&sessions, 1);
    if (session_gauge != NULL)
        metrics_add(session_gauge, -1);
}

void
milter_message_began(void)
{
    atomic_fetch_add(&messages, 1);
}

void
milter_message_ended(void)
{
    atomic_fetch_sub(&messages, 1);
}

sfsistat
milter_negotiate(const struct milter_wanted *wanted, unsigned long offered_actions,
    unsigned long offered_steps, unsigned long *actions, unsigned long *steps,
    unsigned long *granted)
{
    if ((wanted->actions & ~offered_actions) != 0) {
        log_say(LOG_LEVEL_ERROR,
            "the MTA doesn't let a milter do what this one needs (0x%lx of 0x%lx)",
            offered_actions, wanted->actions);
        return SMFIS_REJECT;
    }
    *actions = wanted->actions;
    *steps = wanted->steps & offered_steps;
    *granted = *steps;
    return SMFIS_CONTINUE;
}

sfsistat
milter_continue(unsigned long granted, unsigned long no_reply_step)
{
    return (granted & no_reply_step) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}
