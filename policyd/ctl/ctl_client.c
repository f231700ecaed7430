#include "policyd/ctl/ctl_client.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shared/base/number.h"
#include "shared/service/clock.h"

enum { REPLY_MAX = 64 << 20, CHUNK = 16384, ANSWER_MAX = 100000 };

/* A conversation with its deadline. */
struct talk {
    int fd;
    int64_t deadline_ms;
};

/* Waits until the socket can be read or written. */
static bool
wait_for(const struct talk *talk, short what, struct error *error)
{
    struct pollfd poll_fd = {talk->fd, what, 0};

    for (;;) {
        int64_t left = talk->deadline_ms - (int64_t)clock_now_ms();
        int ready = left > 0 ? poll(&poll_fd, 1, (int)left) : 0;

        if (ready > 0)
            return true;
        if (ready == 0)
            return error_temporary(
                error, "no answer within %d s", CTL_CLIENT_TIMEOUT_MS / 1000);
        if (errno != EINTR)
            return error_temporary(error, "poll: %s", strerror(errno));
    }
}

/* Without blocking, so that the deadline holds for connecting too. */
static bool
connect_to(struct talk *talk, int family, const struct sockaddr *address,
    socklen_t length, struct error *error)
{
    int failed = 0;
    socklen_t size = sizeof(failed);

    talk->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (talk->fd < 0)
        return error_temporary(error, "socket: %s", strerror(errno));
    if (connect(talk->fd, address, length) == 0)
        return true;
    if (errno != EINPROGRESS && errno != EAGAIN)
        return error_temporary(error, "%s", strerror(errno));
    if (!wait_for(talk, POLLOUT, error))
        return false;
    (void)getsockopt(talk->fd, SOL_SOCKET, SO_ERROR, &failed, &size);
    return failed == 0 || error_temporary(error, "%s", strerror(failed));
}

static bool
connect_unix(struct talk *talk, const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    return connect_to(talk, AF_UNIX, (const struct sockaddr *)&address,
        (socklen_t)sizeof(address), error);
}

/* Who listens on all addresses is asked on loopback. */
static const char *
host_of(const struct socket_address *address)
{
    static const char *const any[] = {"", "*", "0.0.0.0", "::"};

    if (address->kind != SOCKET_INET)
        return "localhost";
    for (size_t i = 0; i < ARRAY_LENGTH(any); i++) {
        if (strcmp(address->host, any[i]) == 0)
            return "127.0.0.1";
    }
    return address->host;
}

static bool
connect_inet(struct talk *talk, const struct socket_address *address, struct error *error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char port[16];
    bool done = false;
    int failed;

    (void)snprintf(port, sizeof(port), "%u", address->port);
    failed = getaddrinfo(host_of(address), port, &hints, &found);
    if (failed != 0)
        return error_temporary(error, "%s: %s", address->host, gai_strerror(failed));
    for (const struct addrinfo *i = found; i != NULL && !done; i = i->ai_next) {
        if (talk->fd >= 0)
            (void)close(talk->fd);
        done = connect_to(talk, i->ai_family, i->ai_addr, i->ai_addrlen, error);
    }
    freeaddrinfo(found);
    return done;
}

static bool
talk_send(const struct talk *talk, struct span text, struct error *error)
{
    while (text.length > 0) {
        ssize_t put;

        if (!wait_for(talk, POLLOUT, error))
            return false;
        put = send(talk->fd, text.data, text.length, MSG_NOSIGNAL);
        if (put > 0)
            text = span_from(text, (size_t)put);
        else if (errno != EINTR && errno != EAGAIN)
            return error_temporary(error, "%s", strerror(errno));
    }
    return true;
}

/* Until `complete` says so, or, without it, until the other side closes. */
static bool
talk_receive(const struct talk *talk, bool (*complete)(struct span so_far),
    struct buffer *reply, struct error *error)
{
    char chunk[CHUNK];

    while (complete == NULL || !complete(buffer_span(reply))) {
        ssize_t got;

        if (!wait_for(talk, POLLIN, error))
            return false;
        got = recv(talk->fd, chunk, sizeof(chunk), 0);
        if (got == 0)
            return complete == NULL ||
                   error_temporary(error, "the connection was closed before the answer");
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return error_temporary(error, "%s", strerror(errno));
        if (got > 0 && !buffer_append(reply, span_make(chunk, (size_t)got)))
            return error_permanent(error, "the answer is too long");
    }
    return true;
}

static bool
hold_talk(const struct socket_address *address, struct span request,
    bool (*complete)(struct span so_far), struct buffer *reply, struct error *error)
{
    struct talk talk = {-1, (int64_t)clock_now_ms() + CTL_CLIENT_TIMEOUT_MS};
    bool done = false;

    if (address->kind == SOCKET_UNIX ? connect_unix(&talk, address->path, error)
                                     : connect_inet(&talk, address, error))
        done = talk_send(&talk, request, error) &&
               talk_receive(&talk, complete, reply, error);
    if (talk.fd >= 0)
        (void)close(talk.fd);
    return done;
}

/* The same, where an error names the address. */
static bool
exchange(const struct socket_address *address, struct span request,
    bool (*complete)(struct span so_far), struct buffer *reply, struct error *error)
{
    struct error why;
    char name[300];

    if (address->kind == SOCKET_NONE)
        return error_permanent(error, "the configuration gives it no address");
    if (hold_talk(address, request, complete, reply, &why))
        return true;
    socket_address_write(address, name);
    return error_temporary(error, "%.120s: %.75s", name, why.text);
}

/* "HTTP/1.1 200 OK" and the length of all headers. */
static bool
read_head(struct span reply, int *status, size_t *length)
{
    size_t end = span_find_text(reply, SPAN("\r\n\r\n"));
    struct span line = span_first(reply, span_find(reply, '\r'));
    uint64_t number;

    if (end == SPAN_NONE || !span_starts(line, SPAN("HTTP/1.")) || line.length < 12 ||
        !number_unsigned(span_first(span_from(line, 9), 3), 999, &number))
        return false;
    *status = (int)number;
    *length = end + 4;
    return true;
}

bool
ctl_client_page(const struct socket_address *address, const char *path,
    struct buffer *body, int *status, struct error *error)
{
    const char *host = host_of(address);
    bool is_v6 = strchr(host, ':') != NULL;
    struct buffer request;
    struct buffer reply;
    size_t head = 0;
    bool done;

    buffer_init(&request, 65536);
    buffer_init(&reply, REPLY_MAX);
    buffer_printf(&request,
        "GET %s HTTP/1.0\r\nHost: %s%s%s:%u\r\nConnection: close\r\n\r\n", path,
        is_v6 ? "[" : "", host, is_v6 ? "]" : "", address->port);
    done = exchange(address, buffer_span(&request), NULL, &reply, error);
    if (done && !read_head(buffer_span(&reply), status, &head))
        done = error_permanent(error, "what answers there doesn't speak HTTP");
    if (done)
        buffer_append(body, span_from(buffer_span(&reply), head));
    buffer_clear(&request);
    buffer_clear(&reply);
    return done;
}

/* A netstring: digits, a colon, so many octets, a comma. */
static bool
netstring_read(struct span text, struct span *content)
{
    size_t colon = span_find(text, ':');
    uint64_t length;

    if (colon == SPAN_NONE ||
        !number_unsigned(span_first(text, colon), ANSWER_MAX, &length))
        return false;
    text = span_from(text, colon + 1);
    if (text.length < length + 1 || text.data[length] != ',')
        return false;
    *content = span_first(text, (size_t)length);
    return true;
}

static bool
netstring_is_whole(struct span text)
{
    struct span content;

    return netstring_read(text, &content);
}

bool
ctl_client_socketmap(const struct socket_address *address, struct span map,
    struct span key, struct buffer *answer, struct error *error)
{
    struct buffer request;
    struct buffer reply;
    struct span content;
    bool done;

    buffer_init(&request, ANSWER_MAX + 64);
    buffer_init(&reply, ANSWER_MAX + 64);
    buffer_printf(&request, "%zu:", map.length + 1 + key.length);
    buffer_append(&request, map);
    buffer_append_octet(&request, ' ');
    buffer_append(&request, key);
    buffer_append_octet(&request, ',');
    done = exchange(address, buffer_span(&request), netstring_is_whole, &reply, error) &&
           netstring_read(buffer_span(&reply), &content);
    if (done)
        buffer_append(answer, content);
    buffer_clear(&request);
    buffer_clear(&reply);
    return done;
}

static bool
has_line(struct span text)
{
    return span_find(text, '\n') != SPAN_NONE;
}

bool
ctl_client_spamd(const struct socket_address *address, struct error *error)
{
    struct buffer reply;
    bool done;

    buffer_init(&reply, ANSWER_MAX);
    done = exchange(address, SPAN("PING SPAMC/1.2\r\n\r\n"), has_line, &reply, error);
    if (done && (!span_starts(buffer_span(&reply), SPAN("SPAMD/")) ||
                    span_find_text(buffer_span(&reply), SPAN("PONG")) == SPAN_NONE))
        done = error_permanent(error, "what answers there is no spamd");
    buffer_clear(&reply);
    return done;
}

void
ctl_client_escape(struct buffer *out, struct span text)
{
    const struct span plain =
        SPAN("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~");

    for (size_t i = 0; i < text.length; i++) {
        if (span_find(plain, text.data[i]) != SPAN_NONE)
            buffer_append_octet(out, text.data[i]);
        else
            buffer_printf(out, "%%%02X", (unsigned)(unsigned char)text.data[i]);
    }
}
