#include "shared/service/server_client.h"

#include "shared/base/allocate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/service/clock.h"

enum {
    NS_A_MS = 1000000,
    ANSWERS_PAUSE = 65536, /* octets of answers that are written before more is served */
};

static void
set_deadline(
    struct server_client *client, uint64_t now_ms, uint64_t after_ms, enum server_end end)
{
    client->deadline_ms = now_ms + after_ms;
    client->at_deadline = end;
}

static void on_readable(int fd, short what, void *argument);
static void on_writable(int fd, short what, void *argument);

static void
wait_for(struct server_client *client, short what)
{
    (void)event_del(&client->event);
    (void)event_assign(&client->event, client->host->base, client->fd,
        (short)(what | EV_PERSIST), what == EV_READ ? on_readable : on_writable, client);
    (void)event_add(&client->event, NULL);
}

/*
 * Serves until the input holds no whole request (WIRE_MORE), a bad one, or there are
 * enough answers to be written first (WIRE_DONE).
 */
static enum wire_result
serve_some(struct server_client *client, struct span input, size_t *done,
    uint64_t *now_ns, struct error *error)
{
    struct server_host *host = client->host;
    const struct server_protocol *protocol = host->protocol;

    while (host->answers.length < ANSWERS_PAUSE) {
        size_t used = 0;
        uint64_t end_ns;
        enum wire_result result;

        if (*done == input.length)
            return WIRE_MORE;
        result = protocol->serve(host->protocol_argument, span_from(input, *done), &used,
            &client->stage, &host->answers, error);
        if (result != WIRE_DONE)
            return result;
        *done += used;
        end_ns = clock_now_ns();
        host->answered(host->argument, (double)(end_ns - *now_ns) / 1e9);
        *now_ns = end_ns;
    }
    return WIRE_DONE;
}

/* False when the peer can't take all at once, or the socket failed; what is left waits in
 * `output`. */
static bool
send_answers(struct server_client *client)
{
    struct buffer *answers = &client->host->answers;
    size_t sent = 0;

    while (sent < answers->length) {
        ssize_t count =
            send(client->fd, answers->data + sent, answers->length - sent, MSG_NOSIGNAL);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        sent += (size_t)count;
    }
    if (sent < answers->length)
        buffer_append(&client->output, span_from(buffer_span(answers), sent));
    buffer_reset(answers);
    return client->output.length == 0;
}

/* What was not served yet stays with the client; where nothing is left, so does no
 * memory. */
static void
keep_rest(struct server_client *client, struct span input, size_t done)
{
    if (input.data == client->input.data)
        buffer_consume(&client->input, done);
    else if (done < input.length)
        buffer_append(&client->input, span_from(input, done));
    if (client->input.length == 0 && client->input.capacity > 0)
        buffer_clear(&client->input);
}

/* `input` is what was just read, or the client's own with it. */
static void
work(struct server_client *client, struct span input)
{
    const struct server_protocol *protocol = client->host->protocol;
    uint64_t now_ns = clock_now_ns();
    uint64_t now_ms = now_ns / NS_A_MS;
    struct error error = {.kind = ERROR_NONE};
    enum wire_result result;
    size_t done = 0;
    bool sent;

    do {
        result = serve_some(client, input, &done, &now_ns, &error);
        sent = send_answers(client);
    } while (result == WIRE_DONE && sent);
    if (result == WIRE_BAD) {
        server_client_close(client, SERVER_END_MALFORMED, &error);
        return;
    }
    keep_rest(client, input, done);
    if (done > 0)
        client->served_ms = now_ms;
    if (!sent) {
        set_deadline(client, now_ms, protocol->request_ms, SERVER_END_UNREAD);
        wait_for(client, EV_WRITE);
    } else if (client->input.length == 0) {
        set_deadline(client, now_ms, protocol->idle_ms, SERVER_END_IDLE);
    } else if (done > 0 || client->at_deadline != SERVER_END_SLOW) {
        set_deadline(client, now_ms, protocol->request_ms, SERVER_END_SLOW);
    }
}

static void
on_readable(int fd, short what, void *argument)
{
    struct server_client *client = argument;
    struct server_host *host = client->host;
    ssize_t count = recv(fd, host->octets, sizeof(host->octets), 0);
    struct span fresh;

    (void)what;
    if (count < 0) {
        if (errno != EAGAIN && errno != EINTR)
            server_client_close(client, SERVER_END_FAILED, NULL);
        return;
    }
    if (count == 0) {
        server_client_close(client, SERVER_END_LEFT, NULL);
        return;
    }
    fresh = span_make(host->octets, (size_t)count);
    if (client->input.length == 0) {
        work(client, fresh);
        return;
    }
    /* Half a request that comes octet by octet isn't read anew for each. */
    buffer_append(&client->input, fresh);
    if (span_find(fresh, host->protocol->last_octet) != SPAN_NONE ||
        client->input.length >= host->protocol->request_max)
        work(client, buffer_span(&client->input));
}

static void
on_writable(int fd, short what, void *argument)
{
    struct server_client *client = argument;
    ssize_t count = send(fd, client->output.data, client->output.length, MSG_NOSIGNAL);

    (void)what;
    if (count < 0) {
        if (errno != EAGAIN && errno != EINTR)
            server_client_close(client, SERVER_END_FAILED, NULL);
        return;
    }
    buffer_consume(&client->output, (size_t)count);
    if (client->output.length > 0)
        return;
    buffer_clear(&client->output);
    wait_for(client, EV_READ);
    set_deadline(
        client, clock_now_ms(), client->host->protocol->idle_ms, SERVER_END_IDLE);
    if (client->input.length > 0)
        work(client, buffer_span(&client->input));
}

struct server_client *
server_client_new(struct server_host *host, int fd, uint64_t now_ms)
{
    struct server_client *client = allocate(sizeof(*client));

    client->host = host;
    client->fd = fd;
    client->served_ms = now_ms;
    buffer_init(&client->input, host->protocol->request_max + SERVER_READ_SIZE);
    buffer_init(&client->output, SIZE_MAX);
    set_deadline(client, now_ms, host->protocol->request_ms, SERVER_END_SLOW);
    (void)event_assign(
        &client->event, host->base, fd, EV_READ | EV_PERSIST, on_readable, client);
    (void)event_add(&client->event, NULL);
    return client;
}

void
server_client_close(
    struct server_client *client, enum server_end end, const struct error *error)
{
    client->host->ended(client->host->argument, client, end, error);
    (void)event_del(&client->event);
    (void)close(client->fd);
    buffer_clear(&client->input);
    buffer_clear(&client->output);
    free(client);
}

bool
server_client_is_busy(const struct server_client *client)
{
    return client->input.length > 0 || client->output.length > 0;
}

const char *
server_end_name(enum server_end end)
{
    static const char *const names[SERVER_ENDS] = {
        [SERVER_END_LEFT] = "left",
        [SERVER_END_MALFORMED] = "malformed",
        [SERVER_END_SLOW] = "slow",
        [SERVER_END_IDLE] = "idle",
        [SERVER_END_UNREAD] = "unread",
        [SERVER_END_CROWDED_OUT] = "crowded-out",
        [SERVER_END_FAILED] = "failed",
        [SERVER_END_STOPPED] = "stopped",
    };

    return names[end];
}
