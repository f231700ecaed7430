#include "shared/service/listener_set.h"

bool
listener_set_open(struct listener_set *set, const struct config_sockets *sockets,
    const struct listen_owner *owner, struct error *error)
{
    for (size_t i = 0; i < sockets->count; i++) {
        set->items[set->count].address = sockets->items[i];
        if (!listen_open(&sockets->items[i], owner, set->items[set->count].fds,
                &set->items[set->count].fd_count, error)) {
            listener_set_close(set);
            return false;
        }
        set->count++;
    }
    return true;
}

bool
listener_set_open_one(struct listener_set *set, const struct socket_address *address,
    const struct listen_owner *owner, struct error *error)
{
    const struct config_sockets sockets = {
        .items = {*address},
        .count = address->kind != SOCKET_NONE,
    };

    return listener_set_open(set, &sockets, owner, error);
}

void
listener_set_serve(const struct listener_set *set, struct server *server)
{
    for (size_t i = 0; i < set->count; i++) {
        for (size_t j = 0; j < set->items[i].fd_count; j++)
            server_listen(server, set->items[i].fds[j]);
    }
}

void
listener_set_close(struct listener_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        listen_close(&set->items[i].address, set->items[i].fds, set->items[i].fd_count);
    set->count = 0;
}
