/*
 * server_client - one connection: read, have whole requests answered in order, write,
 * close.
 *
 * All that stands in one read is answered in one write.  An idle client holds no buffers.
 * One that sends faster than it reads is not read from until its answers are gone; one
 * that doesn't take them is closed when its time is over, as is one that leaves a request
 * half sent.  Nothing here blocks.
 */
#ifndef SHARED_SERVICE_SERVER_CLIENT_H
#define SHARED_SERVICE_SERVER_CLIENT_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "shared/base/buffer.h"
#include "shared/base/error.h"
#include "shared/base/wire.h"

enum { SERVER_READ_SIZE = 16384 };

enum server_end {
    SERVER_END_LEFT,      /* the peer closed */
    SERVER_END_MALFORMED, /* what it sent is no request */
    SERVER_END_SLOW,      /* no first request, or half of one, for too long */
    SERVER_END_IDLE,
    SERVER_END_UNREAD,      /* it doesn't take its answers */
    SERVER_END_CROWDED_OUT, /* the longest idle one, when there were too many */
    SERVER_END_FAILED,      /* an error of the socket */
    SERVER_END_STOPPED,     /* we end */
    SERVER_ENDS,
};

struct server_client;

/* What the clients of one listener have in common. */
struct server_protocol {
    const char *name;    /* of the listener, in log and metrics */
    uint64_t request_ms; /* for the first request, and for half a one */
    uint64_t idle_ms;    /* between requests */
    size_t request_max;  /* octets; the wire refuses more */
    char last_octet;     /* every request ends with it */

    /*
     * Takes one request off the front of `input` and appends its answer.  *stage is the
     * client's, 0 at first. WIRE_BAD: *error says why; the client is closed.
     */
    enum wire_result (*serve)(void *argument, struct span input, size_t *used,
        unsigned *stage, struct buffer *answers, struct error *error);
};

struct server_host {
    struct event_base *base;
    const struct server_protocol *protocol;
    void *protocol_argument;
    /* Told of each end, before the client is released; `error` only where there is
     * something to say. */
    void (*ended)(void *argument, struct server_client *client, enum server_end end,
        const struct error *error);
    /* Told of each answered request: how long it took, in seconds. */
    void (*answered)(void *argument, double seconds);
    void *argument;
    struct buffer answers;         /* of the read at hand; empty between events */
    char octets[SERVER_READ_SIZE]; /* what was just read */
};

struct server_client {
    TAILQ_ENTRY(server_client) entry; /* the host's */
    struct server_host *host;
    int fd;
    struct event event;
    struct buffer
        input; /* half a request, or what waits for the answers before it to be taken */
    struct buffer output; /* answers that the peer hasn't taken yet */
    uint64_t deadline_ms;
    uint64_t served_ms; /* when it last had a request answered, else when it came */
    enum server_end at_deadline;
    unsigned stage;
};

/* Owns `fd` from now on. */
struct server_client *server_client_new(
    struct server_host *host, int fd, uint64_t now_ms);

void server_client_close(
    struct server_client *client, enum server_end end, const struct error *error);

/* Whether a request is half read or an answer half written. */
bool server_client_is_busy(const struct server_client *client);

const char *server_end_name(enum server_end end);

#endif
