#include "policyd/serve/server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policyd/serve/line_limit.h"
#include "shared/base/allocate.h"

enum {
    SWEEP_MS = 500,
    ACCEPTS_A_TURN = 16,
    ANSWERS_MAX = 4 << 20,
};

struct server {
    struct client_host host;
    TAILQ_HEAD(, client) clients;
    size_t client_count;
    size_t clients_max;
    struct event *sockets[SERVER_SOCKETS_MAX];
    size_t socket_count;
    struct event *sweep;  /* armed while there are clients */
    struct event *resume; /* accepting goes on */
    struct line_limit lines[CLIENT_ENDS];
    struct line_limit accept_lines;
    struct metrics_series *clients_now;
    struct metrics_series *closed[CLIENT_ENDS];
    struct metrics_series *duration;
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
log_end(struct server *server, const struct client *client, enum client_end end,
    const struct error *error)
{
    static const char *const notes[CLIENT_ENDS] = {
        [CLIENT_MALFORMED] = "malformed request",
        [CLIENT_SLOW] = "no whole request in time",
        [CLIENT_UNREAD] = "it doesn't read its answers",
        [CLIENT_CROWDED_OUT] = "too many clients, it was idle for longest",
    };
    char peer[INET6_ADDRSTRLEN + 16];

    if (notes[end] == NULL || !line_limit_may(&server->lines[end]))
        return;
    write_peer(client->fd, peer, sizeof(peer));
    log_warning("client closed", log_text("listener", server->host.protocol->name),
        log_text("client", peer), log_text("reason", client_end_name(end)),
        line_limit_field(&server->lines[end]),
        log_note(error != NULL && error->kind != ERROR_NONE ? error->text : notes[end]));
}

static void
client_ended(
    void *argument, struct client *client, enum client_end end, const struct error *error)
{
    struct server *server = argument;

    log_end(server, client, end, error);
    TAILQ_REMOVE(&server->clients, client, entry);
    server->client_count--;
    metrics_add(server->closed[end], 1);
    metrics_set(server->clients_now, (double)server->client_count);
    if (server->client_count == 0)
        (void)event_del(server->sweep);
}

static void
request_answered(void *argument, double seconds)
{
    struct server *server = argument;

    metrics_observe(server->duration, seconds);
}

static void
on_sweep(int fd, short what, void *argument)
{
    struct server *server = argument;
    uint64_t now_ms = client_clock_ms();
    struct client *client = TAILQ_FIRST(&server->clients);

    (void)fd;
    (void)what;
    while (client != NULL) {
        struct client *next = TAILQ_NEXT(client, entry);

        if (client->deadline_ms <= now_ms)
            client_close(client, client->at_deadline, NULL);
        client = next;
    }
}

static void
crowd_out(struct server *server)
{
    struct client *longest = TAILQ_FIRST(&server->clients);
    struct client *client;

    TAILQ_FOREACH(client, &server->clients, entry)
    {
        if (client->served_ms < longest->served_ms)
            longest = client;
    }
    if (longest != NULL)
        client_close(longest, CLIENT_CROWDED_OUT, NULL);
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
pause_accepting(struct server *server, int reason)
{
    static const struct timeval pause = {0, (suseconds_t)1000 * SERVER_PAUSE_MS};

    set_accepting(server, false);
    (void)event_add(server->resume, &pause);
    for (int i = 0; i < ACCEPTS_A_TURN; i++)
        crowd_out(server);
    if (line_limit_may(&server->accept_lines))
        log_warning("accept", log_text("listener", server->host.protocol->name),
            log_number("clients", (int64_t)server->client_count),
            line_limit_field(&server->accept_lines), log_note(strerror(reason)));
}

static void
take_client(struct server *server, int fd)
{
    static const struct timeval sweep = {0, (suseconds_t)1000 * SWEEP_MS};
    static const int yes = 1;
    struct client *client;

    if (server->client_count >= server->clients_max)
        crowd_out(server);
    (void)setsockopt(
        fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)); /* a unix socket refuses */
    client = client_new(&server->host, fd, client_clock_ms());
    TAILQ_INSERT_TAIL(&server->clients, client, entry);
    if (server->client_count++ == 0)
        (void)event_add(server->sweep, &sweep);
    metrics_set(server->clients_now, (double)server->client_count);
}

static void
on_connection(int fd, short what, void *argument)
{
    struct server *server = argument;

    (void)what;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (client >= 0) {
            take_client(server, client);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_accepting(server, errno);
        return;
    }
}

struct server *
server_new(struct event_base *base, const struct client_protocol *protocol,
    void *protocol_argument, size_t clients_max, struct metrics *metrics)
{
    struct server *server = allocate(sizeof(*server));
    const char *listener[] = {protocol->name};

    server->host = (struct client_host){
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
    server->clients_now = metrics_series(metrics, "policyd_clients", listener);
    server->duration =
        metrics_series(metrics, "policyd_request_duration_seconds", listener);
    for (int end = 0; end < CLIENT_ENDS; end++) {
        const char *labels[] = {protocol->name, client_end_name((enum client_end)end)};

        server->closed[end] =
            metrics_series(metrics, "policyd_clients_closed_total", labels);
    }
    return server;
}

void
server_free(struct server *server)
{
    struct client *client;

    if (server == NULL)
        return;
    while ((client = TAILQ_FIRST(&server->clients)) != NULL)
        client_close(client, CLIENT_STOPPED, NULL);
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
    struct client *client = TAILQ_FIRST(&server->clients);

    set_accepting(server, false);
    (void)event_del(server->resume);
    while (client != NULL) {
        struct client *next = TAILQ_NEXT(client, entry);

        if (!client_is_busy(client))
            client_close(client, CLIENT_STOPPED, NULL);
        client = next;
    }
}

size_t
server_client_count(const struct server *server)
{
    return server->client_count;
}
