/*
 * listener_set - the sockets of one setting such as `route = unix:… inet:…`, opened
 * before privileges go.
 */
#ifndef SHARED_SERVICE_LISTENER_SET_H
#define SHARED_SERVICE_LISTENER_SET_H

#include "shared/service/config.h"
#include "shared/service/listen.h"
#include "shared/service/server.h"

/* Zeroes are an empty one. */
struct listener_set {
    struct {
        struct socket_address address;
        int fds[LISTEN_FDS_MAX];
        size_t fd_count;
    } items[CONFIG_SOCKETS_MAX];
    size_t count;
};

/* On an error what was opened is closed again. */
bool listener_set_open(struct listener_set *set, const struct config_sockets *sockets,
    const struct listen_owner *owner, struct error *error);

/* Of an option that is one socket; with SOCKET_NONE the set stays empty. */
bool listener_set_open_one(struct listener_set *set, const struct socket_address *address,
    const struct listen_owner *owner, struct error *error);

void listener_set_serve(const struct listener_set *set, struct server *server);

/* Closes, and removes the socket files. */
void listener_set_close(struct listener_set *set);

#endif
