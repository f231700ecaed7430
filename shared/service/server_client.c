#include "shared/service/server_client.h"

#include "shared/base/allocate.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/service/clock.h"

enum {
    NS_A_MS = 1000000,
    WRITE_OCTETS = 16384,
    ANSWERS_PAUSE = 65536, /* octets of answers that are written before more is served */
};

static void
set_deadline(
    struct server_client *client, uint64_t now_ms, uint64_t after_ms, enum server_end end)
{
    if (client->is_last)
        return;
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

static bool
takes_requests(const struct server_client *client)
{
    return client->waiting == NULL && !client->is_last;
}

/*
 * Serves until the input holds no whole request (WIRE_MORE), a bad one, or there are
 * answers to be written or waited for first (WIRE_DONE).
 */
static enum wire_result
serve_some(struct server_client *client, struct span input, size_t *done,
    uint64_t *now_ns, struct error *error)
{
    struct server_host *host = client->host;
    const struct server_protocol *protocol = host->protocol;

    while (host->answers.length < ANSWERS_PAUSE && takes_requests(client)) {
        size_t used = 0;
        uint64_t end_ns;
        enum wire_result result;

        if (*done == input.length)
            return WIRE_MORE;
        result = protocol->serve(host->protocol_argument, client, span_from(input, *done),
            &used, &host->answers, error);
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

    while (client->output == NULL && sent < answers->length) {
        ssize_t count =
            send(client->fd, answers->data + sent, answers->length - sent, MSG_NOSIGNAL);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        sent += (size_t)count;
    }
    buffer_consume(answers, sent);
    if (answers->length > 0)
        (void)server_client_output(client);
    buffer_reset(answers);
    return client->output == NULL;
}

/* What was not served yet stays with the client; where nothing is left, so does no
 * memory. */
static void
keep_rest(struct server_client *client, struct span input, size_t done)
{
    if (client->is_last)
        buffer_reset(&client->input);
    else if (input.data == client->input.data)
        buffer_consume(&client->input, done);
    else if (done < input.length)
        buffer_append(&client->input, span_from(input, done));
    if (client->input.length == 0 && client->input.capacity > 0)
        buffer_clear(&client->input);
}

/* What comes next, and until when; `served`: a request was. */
static void
set_next(struct server_client *client, uint64_t now_ms, bool served)
{
    const struct server_protocol *protocol = client->host->protocol;

    if (client->output != NULL) {
        set_deadline(client, now_ms, protocol->request_ms, SERVER_END_UNREAD);
        wait_for(client, EV_WRITE);
    } else if (client->waiting != NULL) {
        set_deadline(client, 0, UINT64_MAX, SERVER_END_SLOW); /* the time is ours */
        (void)event_del(&client->event);
    } else if (client->is_last) {
        (void)shutdown(client->fd, SHUT_WR);
    } else if (client->input.length == 0) {
        set_deadline(client, now_ms, protocol->idle_ms, SERVER_END_IDLE);
    } else if (served || client->at_deadline != SERVER_END_SLOW) {
        set_deadline(client, now_ms, protocol->request_ms, SERVER_END_SLOW);
    }
}

/* `input` is what was just read, or the client's own with it. */
static void
work(struct server_client *client, struct span input)
{
    uint64_t now_ns = clock_now_ns();
    uint64_t now_ms = now_ns / NS_A_MS;
    struct error error = {.kind = ERROR_NONE};
    enum wire_result result;
    size_t done = 0;
    bool sent;

    do {
        result = serve_some(client, input, &done, &now_ns, &error);
        sent = send_answers(client);
    } while (result == WIRE_DONE && sent && takes_requests(client));
    if (result == WIRE_BAD) {
        server_client_close(client, SERVER_END_MALFORMED, &error);
        return;
    }
    keep_rest(client, input, done);
    if (done > 0)
        client->served_ms = now_ms;
    set_next(client, now_ms, done > 0);
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
    if (client->is_last)
        return;
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
    struct evbuffer_iovec piece = {.iov_len = 0};
    ssize_t count;

    (void)what;
    /* A piece a turn, so that large answers don't hold up the small ones of others. */
    (void)evbuffer_peek(client->output, -1, NULL, &piece, 1);
    count = send(fd, piece.iov_base,
        piece.iov_len < WRITE_OCTETS ? piece.iov_len : WRITE_OCTETS, MSG_NOSIGNAL);
    if (count < 0) {
        if (errno != EAGAIN && errno != EINTR)
            server_client_close(client, SERVER_END_FAILED, NULL);
        return;
    }
    client->served_ms = clock_now_ms();
    (void)evbuffer_drain(client->output, (size_t)count);
    if (evbuffer_get_length(client->output) > 0)
        return;
    evbuffer_free(client->output);
    client->output = NULL;
    wait_for(client, EV_READ);
    if (takes_requests(client) && client->input.length > 0)
        work(client, buffer_span(&client->input));
    else
        set_next(client, client->served_ms, false);
}

struct server_client *
server_client_new(struct server_host *host, int fd, uint64_t now_ms)
{
    struct server_client *client = allocate(sizeof(*client));

    client->host = host;
    client->fd = fd;
    client->served_ms = now_ms;
    buffer_init(&client->input, host->protocol->request_max + SERVER_READ_SIZE);
    set_deadline(client, now_ms, host->protocol->request_ms, SERVER_END_SLOW);
    (void)event_assign(
        &client->event, host->base, fd, EV_READ | EV_PERSIST, on_readable, client);
    (void)event_add(&client->event, NULL);
    if (host->protocol->greeting != NULL) {
        buffer_append_text(&host->answers, host->protocol->greeting);
        if (!send_answers(client))
            wait_for(client, EV_WRITE);
    }
    return client;
}

void
server_client_close(
    struct server_client *client, enum server_end end, const struct error *error)
{
    client->host->ended(client->host->argument, client, end, error);
    if (client->waiting != NULL)
        client->host->protocol->give_up(client->waiting);
    if (client->session != NULL)
        client->host->protocol->closed(client->session);
    (void)event_del(&client->event);
    (void)close(client->fd);
    buffer_clear(&client->input);
    if (client->output != NULL)
        evbuffer_free(client->output);
    free(client);
}

struct evbuffer *
server_client_output(struct server_client *client)
{
    struct buffer *before = &client->host->answers;

    if (client->output == NULL)
        client->output = allocated(evbuffer_new());
    if (before->length > 0)
        (void)evbuffer_add(client->output, before->data, before->length);
    buffer_reset(before);
    return client->output;
}

void
server_client_go_on(struct server_client *client)
{
    assert(client->output != NULL);
    client->waiting = NULL;
    set_next(client, clock_now_ms(), false);
}

bool
server_client_is_busy(const struct server_client *client)
{
    return client->input.length > 0 || client->output != NULL || client->waiting != NULL;
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
