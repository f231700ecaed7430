#include "shared/service/listen.h"

#include "shared/service/listen_given.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char default_user[] = "postshift";
static const char default_group[] = "postfix";

enum { SOCKET_FLAGS = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC };
enum { PATIENCE_MS = 1000, LOOK_MS = 20 };

static bool
is_given(const char *name)
{
    return name != NULL && name[0] != '\0';
}

static bool
find_user(const char *name, uid_t *uid, struct error *error)
{
    const struct passwd *user = getpwnam(name);

    if (user == NULL)
        return error_permanent(error, "there is no user %s", name);
    *uid = user->pw_uid;
    return true;
}

static bool
find_group(const char *name, gid_t *gid, struct error *error)
{
    const struct group *group = getgrnam(name);

    if (group == NULL)
        return error_permanent(error, "there is no group %s", name);
    *gid = group->gr_gid;
    return true;
}

static const char *
folder_user(const struct listen_owner *owner)
{
    return is_given(owner->folder_user) ? owner->folder_user : owner->user;
}

/* Made closed, opened to its group once it belongs to the right one; by descriptor, as
 * the new owner could otherwise put something else in its place. */
static bool
make_folder(const char *folder, const struct listen_owner *owner, struct error *error)
{
    const char *user = folder_user(owner);
    uid_t uid = geteuid();
    gid_t gid = getegid();
    int fd;
    bool done;

    if ((is_given(user) && !find_user(user, &uid, error)) ||
        !find_group(is_given(owner->group) ? owner->group : default_group, &gid, error))
        return false;
    if (mkdir(folder, S_IRWXU) != 0)
        return error_permanent(
            error, "can't make the folder %s: %s", folder, strerror(errno));
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    done = fd >= 0 && fchown(fd, uid, gid) == 0 && fchmod(fd, 02710) == 0;
    if (!done)
        (void)error_permanent(
            error, "can't set up the folder %s: %s", folder, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return done;
}

static bool
ensure_folder(const char *path, const struct listen_owner *owner, struct error *error)
{
    char folder[sizeof(((struct socket_address *)NULL)->path)];
    size_t length = span_find_last(span_of(path), '/');
    struct stat status;

    (void)span_copy(span_first(span_of(path), length), folder, sizeof(folder));
    if (length == 0 || stat(folder, &status) == 0)
        return true;
    if (errno != ENOENT)
        return error_permanent(error, "folder %s: %s", folder, strerror(errno));
    if (geteuid() == 0)
        return make_folder(folder, owner, error);
    return error_permanent(error, "no folder: install -d -o %s -g %s -m 2710 %s",
        is_given(folder_user(owner)) ? folder_user(owner) : default_user,
        is_given(owner->group) ? owner->group : default_group, folder);
}

static struct sockaddr_un
unix_address(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)span_copy(span_of(path), address.sun_path, sizeof(address.sun_path));
    return address;
}

/* Gives 0 when somebody answers (a full backlog counts), else what connect said. */
static int
try_connect(const char *path)
{
    struct sockaddr_un address = unix_address(path);
    int fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
    int result;

    if (fd < 0)
        return errno;
    result =
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
    (void)close(fd);
    return result == EAGAIN || result == EINPROGRESS ? 0 : result;
}

/* Removes what an earlier run left. */
static bool
clear_path(const char *path, struct error *error)
{
    struct stat status;
    int result;

    if (lstat(path, &status) != 0)
        return errno == ENOENT || error_permanent(error, "%s", strerror(errno));
    if (!S_ISSOCK(status.st_mode))
        return error_permanent(error, "a file is there that is no socket");
    result = try_connect(path);
    if (result == 0) {
        (void)error_temporary(error, "another process listens there");
        errno = EADDRINUSE;
        return false;
    }
    if (result != ECONNREFUSED && result != ENOENT)
        return error_permanent(
            error, "a socket is there, and asking it failed: %s", strerror(result));
    if (unlink(path) != 0 && errno != ENOENT)
        return error_permanent(
            error, "can't remove the stale socket: %s", strerror(errno));
    return true;
}

static bool
give_away(const char *path, const struct listen_owner *owner, struct error *error)
{
    uid_t uid = (uid_t)-1;
    gid_t gid = (gid_t)-1;

    if ((is_given(owner->group) && !find_group(owner->group, &gid, error)) ||
        (geteuid() == 0 && is_given(owner->user) && !find_user(owner->user, &uid, error)))
        return false;
    if ((uid != (uid_t)-1 || gid != (gid_t)-1) && lchown(path, uid, gid) != 0)
        return error_permanent(
            error, "can't give the socket to its group: %s", strerror(errno));
    return true;
}

static bool
open_unix(
    const char *path, const struct listen_owner *owner, int *fd, struct error *error)
{
    struct sockaddr_un address = unix_address(path);
    mode_t umask_before;
    int result;

    if (!ensure_folder(path, owner, error) || !clear_path(path, error))
        return false;
    *fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
    if (*fd < 0)
        return error_temporary(error, "%s", strerror(errno));
    umask_before = umask(S_IXUSR | S_IXGRP | S_IRWXO);
    result = bind(*fd, (const struct sockaddr *)&address, sizeof(address));
    (void)umask(umask_before);
    if (result != 0)
        (void)error_permanent(error, "can't bind: %s", strerror(errno));
    else if (!give_away(path, owner, error))
        (void)unlink(path);
    else if (listen(*fd, SOMAXCONN) == 0)
        return true;
    else
        (void)error_permanent(error, "can't listen: %s", strerror(errno));
    (void)close(*fd);
    return false;
}

static bool
open_one(const struct addrinfo *info, int *fd)
{
    int on = 1;
    int saved_errno;

    *fd = socket(info->ai_family, SOCKET_FLAGS, 0);
    if (*fd < 0)
        return false;
    (void)setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    /* Accepted sockets inherit it: several small answers in a row would
     * each wait for the peer's delayed acknowledgement. */
    (void)setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (info->ai_family == AF_INET6)
        (void)setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(*fd, info->ai_addr, info->ai_addrlen) == 0 && listen(*fd, SOMAXCONN) == 0)
        return true;
    saved_errno = errno;
    (void)close(*fd);
    errno = saved_errno;
    return false;
}

/* A hosts file may name an address twice. */
static bool
came_before(const struct addrinfo *first, const struct addrinfo *info)
{
    for (; first != info; first = first->ai_next) {
        if (first->ai_addrlen == info->ai_addrlen &&
            memcmp(first->ai_addr, info->ai_addr, info->ai_addrlen) == 0)
            return true;
    }
    return false;
}

static void
close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)close(fds[i]);
}

/* A host without IPv6 still has a localhost of both kinds: one address is enough, but one
 * that somebody else has is an error. */
static bool
open_each(const struct addrinfo *found, int fds[LISTEN_FDS_MAX], size_t *count,
    struct error *error)
{
    int why = EADDRNOTAVAIL;

    *count = 0;
    for (const struct addrinfo *info = found; info != NULL; info = info->ai_next) {
        if (*count == LISTEN_FDS_MAX)
            break;
        if (came_before(found, info))
            continue;
        if (open_one(info, &fds[*count])) {
            ++*count;
            continue;
        }
        why = errno;
        if (why != EADDRNOTAVAIL && why != EAFNOSUPPORT) {
            close_all(fds, *count);
            *count = 0;
            break;
        }
    }
    if (*count == 0)
        (void)error_temporary(error, "%s", strerror(why));
    errno = why;
    return *count > 0;
}

static bool
open_inet(const struct socket_address *address, int fds[LISTEN_FDS_MAX], size_t *count,
    struct error *error)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    bool is_any = address->host[0] == '\0' || strcmp(address->host, "*") == 0;
    struct addrinfo *found;
    char port[8];
    int result;
    bool done;

    (void)snprintf(port, sizeof(port), "%u", address->port);
    result = getaddrinfo(is_any ? NULL : address->host, port, &hints, &found);
    if (result != 0)
        return error_temporary(error, "%s", gai_strerror(result));
    done = open_each(found, fds, count, error);
    result = errno;
    freeaddrinfo(found);
    errno = result;
    return done;
}

/* Names the socket before what is wrong with it. */
static bool
explain(const struct socket_address *address, struct error *error)
{
    char name[300];
    struct error why = *error;

    socket_address_write(address, name);
    return why.kind == ERROR_TEMPORARY ? error_temporary(error, "%s: %s", name, why.text)
                                       : error_permanent(error, "%s: %s", name, why.text);
}

static bool
open_once(const struct socket_address *address, const struct listen_owner *owner,
    int fds[LISTEN_FDS_MAX], size_t *count, struct error *error)
{
    bool done = true;

    *count = 0;
    switch (address->kind) {
    case SOCKET_NONE:
        break;
    case SOCKET_UNIX:
        done = open_unix(address->path, owner, &fds[0], error);
        *count = done ? 1 : 0;
        break;
    case SOCKET_INET:
        done = open_inet(address, fds, count, error);
        break;
    }
    return done;
}

/*
 * A process that was killed a moment ago may have left a child that still holds the
 * socket and is on its way out: who is started at once in its place waits for that a
 * little.
 */
bool
listen_open(const struct socket_address *address, const struct listen_owner *owner,
    int fds[LISTEN_FDS_MAX], size_t *count, struct error *error)
{
    static const struct listen_owner nobody = {NULL, NULL, NULL};

    *count = listen_given_take(address, fds);
    if (*count > 0)
        return true;
    for (unsigned waited_ms = 0;; waited_ms += LOOK_MS) {
        errno = 0;
        if (open_once(address, owner == NULL ? &nobody : owner, fds, count, error))
            return true;
        if (errno != EADDRINUSE || waited_ms >= PATIENCE_MS)
            return explain(address, error);
        (void)poll(NULL, 0, LOOK_MS);
    }
}

void
listen_close(const struct socket_address *address, const int *fds, size_t count)
{
    close_all(fds, count);
    /* One that refuses now was ours; behind one that answers is somebody else. */
    if (count > 0 && address->kind == SOCKET_UNIX &&
        try_connect(address->path) == ECONNREFUSED)
        (void)unlink(address->path);
}
