/*
 * access_check - what -t looks at besides the file's own words: whether the user that the
 * daemon will be can read, write and bind what the file names.
 *
 * Which user that is: who asks, where that is not root.  For root and the usual file, the
 * user of the daemon's unit, where there is such a user: the unit's way of starting is
 * looked at.  Else the file's own `user`, which the daemon becomes after it has opened
 * its sockets; without one, root.  All is tried by a child process that has become that
 * user.
 *
 * Limits: of a unit's own walls only those that we ship are known; what lies behind them
 * is warned of, since a drop-in may have opened it.
 */
#ifndef SHARED_SERVICE_ACCESS_CHECK_H
#define SHARED_SERVICE_ACCESS_CHECK_H

#include "shared/service/config.h"
#include "shared/service/daemon.h"

enum access_kind {
    ACCESS_READ,        /* a file that must be there */
    ACCESS_READ_FOUND,  /* a file or folder that may be missing */
    ACCESS_WRITE_FOUND, /* a file that is read and written, and may be missing; its folder
                           is a want of its own */
    ACCESS_REPLACE,     /* a file that is written anew beside itself: its folder */
    ACCESS_WRITE_IN,    /* a folder */
    ACCESS_CONNECT,     /* somebody else's unix socket, which may be missing */
    ACCESS_BIND,        /* a unix socket that the daemon opens itself */
    ACCESS_BIND_GIVEN,  /* one that the unit's .socket opens, at its preset place */
    ACCESS_RUN,         /* a program by its name, with `words`, that ends with exit 0 */
};

/* A path of "" is nothing to look at. */
struct access_want {
    const char *key; /* in the daemon's section unless it has a point ("redis.address");
                        NULL: the configuration file itself */
    enum access_kind kind;
    const char *path;
    const char *preset; /* ACCESS_BIND_GIVEN: where the shipped .socket unit opens it */
    const char *hint;   /* what helps, or NULL */
    const char *const *words; /* ACCESS_RUN: the program's argv */
};

struct access_daemon {
    const char *program; /* also the name of its unit */
    const char *section;
    const char *unit_user; /* User= of the unit; its group is "postshift" */
    const char *user;      /* of the file: "" for none */
    const char *group;
    const char *unit_groups; /* SupplementaryGroups= of the unit, or NULL */
};

enum { ACCESS_WANTS_MAX = 40 };

/* Adds a line of the usual form for each thing that fails. */
void access_check(const struct config *config, const struct daemon_options *options,
    const struct access_daemon *daemon, const struct access_want *wants, size_t count,
    struct buffer *errors);

/* A want for each unix socket among them; gives how many were added. */
size_t access_want_sockets(struct access_want *wants, const char *key,
    enum access_kind kind, const struct config_sockets *sockets, const char *preset);

#endif
