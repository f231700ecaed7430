/*
 * listen_given - listening sockets that systemd opened before it started us (LISTEN_FDS,
 * LISTEN_PID).
 *
 * So a daemon serves on a socket in a folder where its own user may not write.  A socket
 * is matched with a configured address by where it is bound.  The descriptors become
 * non-blocking and close-on-exec; the socket file stays systemd's.
 */
#ifndef SHARED_SERVICE_LISTEN_GIVEN_H
#define SHARED_SERVICE_LISTEN_GIVEN_H

#include "shared/base/error.h"
#include "shared/service/listen.h"

/* Gives the sockets bound at `address`, each once; 0: systemd opened none there. */
size_t listen_given_take(const struct socket_address *address, int fds[LISTEN_FDS_MAX]);

/* To be asked before any is opened: false names a socket that systemd opened and none of
 * the configuration's addresses is. */
bool listen_given_named(
    const struct socket_address *const *addresses, size_t count, struct error *error);

#endif
