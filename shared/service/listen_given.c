#include "shared/service/listen_given.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* By sd_listen_fds(3) the first of them is 3. */
enum { FIRST_FD = 3, GIVEN_MAX = 32 };

static struct {
    bool read;
    int fds[GIVEN_MAX]; /* -1: taken */
    size_t count;
} given;

static long
number_of(const char *variable)
{
    const char *text = getenv(variable);

    return text == NULL ? 0 : strtol(text, NULL, 10);
}

/* Once: afterwards a child must not take them for its own. */
static void
read_environment(void)
{
    long count = number_of("LISTEN_FDS");

    if (given.read)
        return;
    given.read = true;
    if (number_of("LISTEN_PID") == (long)getpid() && count > 0 && count <= GIVEN_MAX) {
        for (int fd = FIRST_FD; fd < FIRST_FD + (int)count; fd++) {
            (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
            (void)fcntl(fd, F_SETFL, O_NONBLOCK);
            given.fds[given.count++] = fd;
        }
    }
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDNAMES");
}

static bool
is_listening_stream(int fd)
{
    int type = 0;
    int accepts = 0;
    socklen_t length = sizeof(int);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
           type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) == 0 &&
           accepts != 0;
}

/* Where a socket is bound, in the words of a configuration; "" where that has none. */
static void
name_of(int fd, char name[300])
{
    struct socket_address address = {.kind = SOCKET_UNIX};
    struct sockaddr_storage place = {0};
    socklen_t length = sizeof(place);
    char port[8];

    name[0] = '\0';
    if (getsockname(fd, (struct sockaddr *)&place, &length) != 0)
        return;
    if (place.ss_family == AF_UNIX) {
        const struct sockaddr_un *local = (const struct sockaddr_un *)&place;

        if (!span_copy(span_of(local->sun_path), address.path, sizeof(address.path)))
            return;
    } else {
        address.kind = SOCKET_INET;
        if (getnameinfo((struct sockaddr *)&place, length, address.host,
                sizeof(address.host), port, sizeof(port),
                NI_NUMERICHOST | NI_NUMERICSERV) != 0)
            return;
        address.port = (unsigned)strtoul(port, NULL, 10);
    }
    socket_address_write(&address, name);
}

/* "::" is any address of both kinds, as systemd opens it for a bare port. */
static bool
is_bound_at(int fd, const struct sockaddr *wanted)
{
    struct sockaddr_storage place = {0};
    socklen_t length = sizeof(place);

    if (getsockname(fd, (struct sockaddr *)&place, &length) != 0 ||
        place.ss_family != wanted->sa_family)
        return false;
    if (wanted->sa_family == AF_INET) {
        const struct sockaddr_in *left = (const struct sockaddr_in *)&place;
        const struct sockaddr_in *right = (const struct sockaddr_in *)wanted;

        return left->sin_port == right->sin_port &&
               left->sin_addr.s_addr == right->sin_addr.s_addr;
    }
    if (wanted->sa_family == AF_INET6) {
        const struct sockaddr_in6 *left = (const struct sockaddr_in6 *)&place;
        const struct sockaddr_in6 *right = (const struct sockaddr_in6 *)wanted;

        return left->sin6_port == right->sin6_port &&
               memcmp(&left->sin6_addr, &right->sin6_addr, sizeof(left->sin6_addr)) == 0;
    }
    return strcmp(((const struct sockaddr_un *)&place)->sun_path,
               ((const struct sockaddr_un *)wanted)->sun_path) == 0;
}

static bool
is_bound_at_host(int fd, const struct socket_address *address)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    bool is_any = address->host[0] == '\0' || strcmp(address->host, "*") == 0;
    struct addrinfo *found;
    char port[8];
    bool bound = false;

    (void)snprintf(port, sizeof(port), "%u", address->port);
    if (getaddrinfo(is_any ? NULL : address->host, port, &hints, &found) != 0)
        return false;
    for (const struct addrinfo *info = found; info != NULL && !bound;
         info = info->ai_next)
        bound = is_bound_at(fd, info->ai_addr);
    freeaddrinfo(found);
    return bound;
}

static bool
is_at(int fd, const struct socket_address *address)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};

    if (address->kind == SOCKET_NONE || !is_listening_stream(fd))
        return false;
    if (address->kind == SOCKET_INET)
        return is_bound_at_host(fd, address);
    return span_copy(span_of(address->path), local.sun_path, sizeof(local.sun_path)) &&
           is_bound_at(fd, (const struct sockaddr *)&local);
}

size_t
listen_given_take(const struct socket_address *address, int fds[LISTEN_FDS_MAX])
{
    size_t count = 0;

    read_environment();
    for (size_t i = 0; i < given.count && count < LISTEN_FDS_MAX; i++) {
        if (given.fds[i] >= 0 && is_at(given.fds[i], address)) {
            fds[count++] = given.fds[i];
            given.fds[i] = -1;
        }
    }
    return count;
}

bool
listen_given_named(
    const struct socket_address *const *addresses, size_t count, struct error *error)
{
    char name[300];

    read_environment();
    for (size_t i = 0; i < given.count; i++) {
        bool named = given.fds[i] < 0;

        for (size_t k = 0; k < count && !named; k++)
            named = is_at(given.fds[i], addresses[k]);
        if (named)
            continue;
        name_of(given.fds[i], name);
        return error_permanent(error,
            "systemd opened %s, which the configuration does not name",
            name[0] == '\0' ? "a socket that is none of unix: and inet:" : name);
    }
    return true;
}
