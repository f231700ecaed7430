#include "policyd/redis/redis_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void
redis_socket_watch_peer(int fd, unsigned timeout_ms)
{
    unsigned unacknowledged_ms = timeout_ms * 2;
    int yes = 1;
    int idle = 5;
    int interval = 2;
    int probes = 3;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    setsockopt(
        fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof(unacknowledged_ms));
}

int
redis_socket_open(
    const struct redis_target *target, unsigned timeout_ms, struct error *error)
{
    int family = target->address.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        error_temporary(error, "%s", strerror(errno));
        return -1;
    }
    if (family != AF_UNIX)
        redis_socket_watch_peer(fd, timeout_ms);
    if (target->source_length > 0 &&
        bind(fd, (const struct sockaddr *)&target->source, target->source_length) != 0) {
        error_temporary(error, "no connection from that address: %s", strerror(errno));
        close(fd);
        return -1;
    }
    if (connect(fd, (const struct sockaddr *)&target->address, target->length) != 0 &&
        errno != EINPROGRESS) {
        error_temporary(error, "%s", strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

bool
redis_socket_has_more(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    return poll(&ready, 1, 0) == 1;
}
