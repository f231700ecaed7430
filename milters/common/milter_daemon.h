/*
 * milter_daemon - what the two milters' mains share: sockets, supervisor, metrics page,
 * reload, stop.
 *
 * Three kinds of processes: the supervisor (event loop, no threads, keeps the sockets and
 * whatever rights it was started with), for each listening socket a serving process, and
 * one for the metrics page; the last two become `user`.  Numbers are counted in memory
 * that all share (metrics_new_shared), so they outlive any of them.
 */
#ifndef MILTERS_COMMON_MILTER_DAEMON_H
#define MILTERS_COMMON_MILTER_DAEMON_H

#include "milters/common/milter_supervise.h"
#include "shared/service/config.h"
#include "shared/service/metrics.h"

enum { MILTER_LISTEN_MAX = 8 };

/* What a configuration says of it; borrowed. */
struct milter_settings {
    const struct config_sockets *listen;
    const struct socket_address *metrics;
    const char *user; /* "": stay */
    const char *group;
};

struct milter_daemon {
    const char *program;
    const char *section;             /* of the configuration */
    struct metrics *registry;        /* shared */
    struct metrics_series *sessions; /* a gauge of all serving processes */

    /* In the serving process, after it has become `user`; gives the exit status. */
    int (*serve)(void *argument, int fd, int control);
    /* Reads the configuration again, the old one's memory stays; false: so does it itself
     * (the reason is logged). */
    bool (*reload)(void *argument);
    /*
     * Once a new serving process has shown what the configuration read last is worth: it
     * stays, or the one that was good before is in force again.
     */
    void (*settle)(void *argument, bool good);
    /* The settings in force. */
    struct milter_settings (*settings)(void *argument);
    /* For /healthz and before /metrics is written: both may be NULL. */
    bool (*healthy)(void *argument, struct buffer *why);
    void (*gather)(void *argument);
    void *argument;
    /* Descriptors that the serving processes keep besides their socket. */
    int keep[SUPERVISE_KEEP_MAX - 1];
    size_t keep_count;

    /* Filled in by milter_daemon_listen and milter_daemon_start. */
    struct event_base *base;
    struct supervise *supervise;
    int fds[MILTER_LISTEN_MAX];
    size_t fd_count;
    int metrics_fd;               /* -1: none */
    struct supervise_hooks hooks; /* the program's own */
    bool proving;                 /* a configuration that has been read again */
    struct milter_serving {
        struct milter_daemon *daemon;
        int fd;
        bool proven; /* a process of the configuration read last serves on it */
    } serving[MILTER_LISTEN_MAX];
};

/* Opens the sockets; ends the process with one line when one can't be had. */
void milter_daemon_listen(struct milter_daemon *daemon);

/* Starts the children; further roles may be added to daemon->supervise. `hooks` may be
 * NULL. */
void milter_daemon_start(
    struct milter_daemon *daemon, const struct supervise_hooks *hooks);

/* Runs until TERM; HUP reloads. Closes the sockets at the end. */
void milter_daemon_run(struct milter_daemon *daemon);

#endif
