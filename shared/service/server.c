#include "shared/service/server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log_limit.h"

enum {
    SWEEP_MS = 500,
    ACCEPTS_A_TURN = 16,
    ANSWERS_MAX = 4 << 20,
};

struct server {
    struct server_host host;
    TAILQ_HEAD(, server_client) clients;
    size_t client_count;
    size_t clients_max;
    size_t accepted;
    struct event *sockets[SERVER_SOCKETS_MAX];
    size_t socket_count;
    struct event *sweep;  /* armed while there are clients */
    struct event *resume; /* accepting goes on */
    struct log_limit lines[SERVER_ENDS];
    struct log_limit accept_lines;
    bool is_counted;
    struct server_counts counts;
};

/* "unix", or the address and port of a TCP client. */
static void
write_peer(int fd, char *out, size_t size)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } peer = {.any = {0}};
    socklen_t length = sizeof(peer);
    char text[INET6_ADDRSTRLEN] = "";

    (void)snprintf(out, size, "unix");
    if (getpeername(fd, &peer.any, &length) != 0)
        return;
    if (peer.any.sa_family == AF_INET &&
        inet_ntop(AF_INET, &peer.v4.sin_addr, text, sizeof(text)) != NULL)
        (void)snprintf(out, size, "[%s]:%u", text, (unsigned)ntohs(peer.v4.sin_port));
    else if (peer.any.sa_family == AF_INET6 &&
             inet_ntop(AF_INET6, &peer.v6.sin6_addr, text, sizeof(text)) != NULL)
        (void)snprintf(out, size, "[%s]:%u", text, (unsigned)ntohs(peer.v6.sin6_port));
}

static void
log_end(struct server *server, const struct server_client *client, enum server_end end,
    const struct error *error)
{
    static const char *const notes[SERVER_ENDS] = {
        [SERVER_END_MALFORMED] = "malformed request",
        [SERVER_END_SLOW] = "no whole request in time",
        [SERVER_END_UNREAD] = "it doesn't read its answers",
        [SERVER_END_CROWDED_OUT] = "too many clients, it was idle for longest",
    };
    char peer[INET6_ADDRSTRLEN + 16];

    if (notes[end] == NULL || server->host.protocol->is_quiet ||
        !log_limit_may(&server->lines[end]))
        return;
    write_peer(client->fd, peer, sizeof(peer));
    log_warning("client closed", log_text("listener", server->host.protocol->name),
        log_text("client", peer), log_text("reason", server_end_name(end)),
        log_limit_field(&server->lines[end]),
        log_note(error != NULL && error->kind != ERROR_NONE ? error->text : notes[end]));
}

static void
count_clients(struct server *server, size_t count)
{
    server->client_count = count;
    if (server->is_counted)
        metrics_set(server->counts.clients, (double)count);
}

static void
client_ended(void *argument, struct server_client *client, enum server_end end,
    const struct error *error)
{
    struct server *server = argument;

    log_end(server, client, end, error);
    TAILQ_REMOVE(&server->clients, client, entry);
    count_clients(server, server->client_count - 1);
    if (server->is_counted)
        metrics_add(server->counts.closed[end], 1);
    if (server->client_count == 0)
        (void)event_del(server->sweep);
}

static void
request_answered(void *argument, double seconds)
{
    struct server *server = argument;

    if (server->is_counted)
        metrics_observe(server->counts.duration, seconds);
}

static void
on_sweep(int fd, short what, void *argument)
{
    struct server *server = argument;
    uint64_t now_ms = clock_now_ms();
    struct server_client *client = TAILQ_FIRST(&server->clients);

    (void)fd;
    (void)what;
    while (client != NULL) {
        struct server_client *next = TAILQ_NEXT(client, entry);

        if (client->deadline_ms <= now_ms)
            server_client_close(client, client->at_deadline, NULL);
        client = next;
    }
}

/* Who makes room: has been served nothing for longest, and for some time; or NULL. */
static struct server_client *
longest_idle(const struct server *server)
{
    uint64_t spared_ms = server->host.protocol->spared_ms;
    struct server_client *longest = TAILQ_FIRST(&server->clients);
    struct server_client *client;

    TAILQ_FOREACH(client, &server->clients, entry)
    {
        if (client->served_ms < longest->served_ms)
            longest = client;
    }
    if (longest != NULL && clock_now_ms() - longest->served_ms < spared_ms)
        return NULL;
    return longest;
}

static void
crowd_out(struct server_client *client)
{
    if (client != NULL)
        server_client_close(client, SERVER_END_CROWDED_OUT, NULL);
}

static void
set_accepting(struct server *server, bool on)
{
    for (size_t i = 0; i < server->socket_count; i++) {
        if (on)
            (void)event_add(server->sockets[i], NULL);
        else
            (void)event_del(server->sockets[i]);
    }
}

static void
on_resume(int fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    set_accepting(argument, true);
}

/* The listening sockets stay readable: without a pause the loop would turn at full speed.
 */
static void
pause_accepting(struct server *server, unsigned pause_ms)
{
    struct timeval pause = clock_timeval(pause_ms);

    set_accepting(server, false);
    (void)event_add(server->resume, &pause);
}

static void
on_no_descriptors(struct server *server, int reason)
{
    pause_accepting(server, SERVER_PAUSE_MS);
    for (int i = 0; i < ACCEPTS_A_TURN; i++)
        crowd_out(longest_idle(server));
    if (log_limit_may(&server->accept_lines))
        log_warning("accept", log_text("listener", server->host.protocol->name),
            log_number("clients", (int64_t)server->client_count),
            log_limit_field(&server->accept_lines), log_note(strerror(reason)));
}

static void
take_client(struct server *server, int fd)
{
    static const struct timeval sweep = {0, (suseconds_t)1000 * SWEEP_MS};
    static const int yes = 1;
    struct server_client *client;

    (void)setsockopt(
        fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)); /* a unix socket refuses */
    client = server_client_new(&server->host, fd, clock_now_ms());
    TAILQ_INSERT_TAIL(&server->clients, client, entry);
    if (server->client_count == 0)
        (void)event_add(server->sweep, &sweep);
    count_clients(server, server->client_count + 1);
}

/*
 * Whether there may be another one at once.  Where clients are spared, there is a pause
 * before each that crowds out one, and behind so many as there is room for, which may be
 * gone by then: else strangers that connect and leave would have all of the loop's time.
 */
static bool
accept_one(struct server *server, int fd)
{
    bool is_full = server->client_count >= server->clients_max;
    struct server_client *longest = is_full ? longest_idle(server) : NULL;

    if (!is_full || longest != NULL) {
        int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (client < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                on_no_descriptors(server, errno);
            return false;
        }
        crowd_out(longest);
        take_client(server, client);
    }
    if (server->host.protocol->spared_ms == 0 ||
        (!is_full && ++server->accepted % server->clients_max != 0))
        return true;
    pause_accepting(server, SERVER_FULL_PAUSE_MS);
    return false;
}

static void
on_connection(int fd, short what, void *argument)
{
    (void)what;
    for (int i = 0; i < ACCEPTS_A_TURN && accept_one(argument, fd); i++)
        continue;
}

struct server *
server_new(struct event_base *base, const struct server_protocol *protocol,
    void *protocol_argument, size_t clients_max, const struct server_counts *counts)
{
    struct server *server = allocate(sizeof(*server));

    server->host = (struct server_host){
        .base = base,
        .protocol = protocol,
        .protocol_argument = protocol_argument,
        .ended = client_ended,
        .answered = request_answered,
        .argument = server,
    };
    server->clients_max = clients_max;
    buffer_init(&server->host.answers, ANSWERS_MAX);
    TAILQ_INIT(&server->clients);
    server->sweep = event_new(base, -1, EV_PERSIST, on_sweep, server);
    server->resume = event_new(base, -1, 0, on_resume, server);
    server->is_counted = counts != NULL;
    if (server->is_counted)
        server->counts = *counts;
    return server;
}

void
server_free(struct server *server)
{
    struct server_client *client;

    if (server == NULL)
        return;
    while ((client = TAILQ_FIRST(&server->clients)) != NULL)
        server_client_close(client, SERVER_END_STOPPED, NULL);
    for (size_t i = 0; i < server->socket_count; i++)
        event_free(server->sockets[i]);
    event_free(server->sweep);
    event_free(server->resume);
    buffer_clear(&server->host.answers);
    free(server);
}

void
server_listen(struct server *server, int fd)
{
    struct event *event =
        event_new(server->host.base, fd, EV_READ | EV_PERSIST, on_connection, server);

    assert(event != NULL && server->socket_count < SERVER_SOCKETS_MAX);
    server->sockets[server->socket_count++] = event;
    (void)event_add(event, NULL);
}

void
server_stop(struct server *server)
{
    struct server_client *client = TAILQ_FIRST(&server->clients);

    set_accepting(server, false);
    (void)event_del(server->resume);
    while (client != NULL) {
        struct server_client *next = TAILQ_NEXT(client, entry);

        if (!server_client_is_busy(client))
            server_client_close(client, SERVER_END_STOPPED, NULL);
        client = next;
    }
}

size_t
server_client_count(const struct server *server)
{
    return server->client_count;
}
