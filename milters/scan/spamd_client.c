#include "milters/scan/spamd_client.h"

#include "shared/base/allocate.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum phase { PHASE_WAITING, PHASE_CONNECTING, PHASE_SENDING, PHASE_READING, PHASE_DONE };

struct spamd_client {
    const struct spamd_server *server;
    enum phase phase;
    int fd;
    int place; /* -1: none */
    uint64_t deadline_ms;
    struct buffer request;
    struct span parts[3]; /* what is still to be sent */
    struct buffer answer;
    bool good;
    struct spamd_reply reply;
    struct error error;
};

/* The place of a process that was killed is free, too.  -1: none is. */
static int
take_place(const struct spamd_server *server)
{
    for (unsigned i = 0; i < server->connections; i++) {
        int owner = atomic_load(&server->places[i]);

        if (owner != 0 && (kill(owner, 0) == 0 || errno != ESRCH))
            continue;
        if (atomic_compare_exchange_strong(&server->places[i], &owner, getpid()))
            return (int)i;
    }
    return -1;
}

static void
finish(struct spamd_client *client, bool good)
{
    if (client->fd >= 0)
        (void)close(client->fd);
    client->fd = -1;
    if (client->place >= 0)
        atomic_store(&client->server->places[client->place], 0);
    client->place = -1;
    client->phase = PHASE_DONE;
    client->good = good;
}

static int
connect_to(const struct sockaddr *address, socklen_t length)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (connect(fd, address, length) == 0 || errno == EINPROGRESS)
        return fd;
    (void)close(fd);
    return -1;
}

/* The address is numeric (the configuration sees to it): nothing is looked up here. */
static int
connect_inet(const struct socket_address *address)
{
    struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[8];
    int fd;

    (void)snprintf(port, sizeof(port), "%u", address->port);
    if (getaddrinfo(address->host, port, &hints, &found) != 0)
        return -1;
    fd = connect_to(found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return fd;
}

static int
connect_unix(const struct socket_address *address)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    if (!span_copy(span_of(address->path), name.sun_path, sizeof(name.sun_path)))
        return -1;
    return connect_to((const struct sockaddr *)&name, sizeof(name));
}

static void
start(struct spamd_client *client)
{
    const struct socket_address *address = &client->server->address;

    client->place = take_place(client->server);
    if (client->place < 0)
        return;
    client->fd =
        address->kind == SOCKET_UNIX ? connect_unix(address) : connect_inet(address);
    if (client->fd < 0) {
        error_temporary(&client->error, "spamd can't be reached: %s", strerror(errno));
        finish(client, false);
        return;
    }
    client->phase = PHASE_CONNECTING;
}

static void
check_connected(struct spamd_client *client)
{
    int problem = 0;
    socklen_t length = sizeof(problem);

    if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &problem, &length) < 0)
        problem = errno;
    if (problem != 0) {
        error_temporary(&client->error, "spamd can't be reached: %s", strerror(problem));
        finish(client, false);
        return;
    }
    client->phase = PHASE_SENDING;
}

static void
drop_sent(struct spamd_client *client, size_t sent)
{
    for (size_t i = 0; i < 3; i++) {
        size_t taken = sent < client->parts[i].length ? sent : client->parts[i].length;

        client->parts[i] = span_from(client->parts[i], taken);
        sent -= taken;
    }
}

static void
send_more(struct spamd_client *client)
{
    struct iovec parts[3];
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    ssize_t sent;

    for (size_t i = 0; i < 3; i++) {
        union {
            const char *given;
            void *passed;
        } data = {.given = client->parts[i].data};

        parts[i] = (struct iovec){data.passed, client->parts[i].length};
    }
    sent = sendmsg(client->fd, &message, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return;
        error_temporary(&client->error, "spamd hung up: %s", strerror(errno));
        finish(client, false);
        return;
    }
    drop_sent(client, (size_t)sent);
    if (client->parts[0].length + client->parts[1].length + client->parts[2].length > 0)
        return;
    (void)shutdown(client->fd, SHUT_WR);
    client->phase = PHASE_READING;
}

static void
read_more(struct spamd_client *client)
{
    char octets[4096];
    ssize_t got = read(client->fd, octets, sizeof(octets));

    if (got < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return;
        error_temporary(&client->error, "spamd hung up: %s", strerror(errno));
        finish(client, false);
        return;
    }
    if (got == 0) {
        finish(client, spamd_read_reply(
                           buffer_span(&client->answer), &client->reply, &client->error));
        return;
    }
    if (!buffer_append(&client->answer, span_make(octets, (size_t)got))) {
        error_temporary(&client->error, "spamd's answer has no end");
        finish(client, false);
    }
}

struct spamd_client *
spamd_client_new(const struct spamd_server *server, struct span preamble,
    struct span message, uint64_t now_ms)
{
    struct spamd_client *client = allocate(sizeof(*client));

    client->server = server;
    client->fd = -1;
    client->place = -1;
    client->deadline_ms = now_ms + server->timeout_ms;
    buffer_init(&client->request, 1024);
    buffer_init(&client->answer, SPAMD_REPLY_MAX);
    spamd_write_request(server->user, preamble.length + message.length, &client->request);
    client->parts[0] = buffer_span(&client->request);
    client->parts[1] = preamble;
    client->parts[2] = message;
    start(client);
    return client;
}

void
spamd_client_free(struct spamd_client *client)
{
    if (client == NULL)
        return;
    finish(client, client->good);
    buffer_clear(&client->request);
    buffer_clear(&client->answer);
    free(client);
}

int
spamd_client_fd(const struct spamd_client *client, short *events)
{
    *events = client->phase == PHASE_READING ? POLLIN : POLLOUT;
    return client->fd;
}

void
spamd_client_step(struct spamd_client *client, short events, uint64_t now_ms)
{
    if (client->phase == PHASE_DONE)
        return;
    if (now_ms >= client->deadline_ms) {
        error_temporary(&client->error, "spamd did not answer in time");
        finish(client, false);
        return;
    }
    if (client->phase == PHASE_WAITING)
        start(client);
    else if (events == 0)
        return;
    else if (client->phase == PHASE_CONNECTING)
        check_connected(client);
    else if (client->phase == PHASE_SENDING)
        send_more(client);
    else
        read_more(client);
}

bool
spamd_client_done(const struct spamd_client *client)
{
    return client->phase == PHASE_DONE;
}

bool
spamd_client_reply(
    const struct spamd_client *client, struct spamd_reply *reply, struct error *error)
{
    *reply = client->reply;
    *error = client->error;
    return client->good;
}
