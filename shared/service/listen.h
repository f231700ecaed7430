/*
 * listen - listening sockets, unix and TCP.
 *
 * One that systemd opened for us is taken as it is (listen_given). Else a unix socket is
 * made with mode 0660 whatever the umask, takes the group of a setgid folder by itself,
 * and replaces a stale socket file; a live one (somebody answers, for a second) is an
 * error, as is a file that is no socket. Started as root, a missing folder is made, 2710
 * user:postfix; else the error names the command that does. All descriptors are
 * non-blocking and close-on-exec.
 */
#ifndef SHARED_SERVICE_LISTEN_H
#define SHARED_SERVICE_LISTEN_H

#include "shared/base/error.h"
#include "shared/service/socket_address.h"

enum { LISTEN_FDS_MAX = 4 };

struct listen_owner {
    const char *user;  /* of the sockets; NULL or "": nobody in particular */
    const char *group; /* of the sockets; NULL or "": the folder's, by setgid */
    /* Who will own a folder made here, and may put sockets of other programs' names into
     * it; NULL or "": `user`. */
    const char *folder_user;
};

/* Gives one descriptor, or for a host name with several addresses up to LISTEN_FDS_MAX.
 */
bool listen_open(const struct socket_address *address, const struct listen_owner *owner,
    int fds[LISTEN_FDS_MAX], size_t *count, struct error *error);

/* Closes and removes the socket file (if it is still the one we made). */
void listen_close(const struct socket_address *address, const int *fds, size_t count);

#endif
