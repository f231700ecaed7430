/*
 * server_client - one connection: read, have whole requests answered in order, write,
 * close.
 *
 * All that stands in one read is answered in one write.  An idle client holds no buffers,
 * another one a request and SERVER_READ_SIZE octets, and what it doesn't take of 64 KiB
 * of answers and the last one.  One that sends faster than it reads is not read from
 * until its answers are gone; one that doesn't take them is closed when its time is over,
 * as is one that leaves a request half sent.  Nothing here blocks.
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

struct evbuffer;
struct server_client;

/* What the clients of one listener have in common. */
struct server_protocol {
    const char *name;     /* of the listener, in log and metrics */
    uint64_t request_ms;  /* for the first request, and for half a one */
    uint64_t idle_ms;     /* between requests */
    size_t request_max;   /* octets; the wire refuses more */
    char last_octet;      /* every request ends with it */
    const char *greeting; /* said before the first request; NULL: nothing */
    uint64_t spared_ms;   /* who was served within that time is not crowded out */
    bool is_quiet;        /* how its clients end is not worth a line in the log */

    /*
     * Takes one request off the front of `input` and appends its answer, or writes it to
     * server_client_output, or sets client->waiting: then the answer comes later, by
     * server_client_go_on, and no more requests are taken until then.  Sets
     * client->is_last where none follows: behind the answer we end our side, what else
     * the peer sends goes by unread until it ends its own, and time goes on as it went.
     * WIRE_BAD: *error says why; the client is closed.
     */
    enum wire_result (*serve)(void *argument, struct server_client *client,
        struct span input, size_t *used, struct buffer *answers, struct error *error);

    /* The client ends, nobody waits any more for what was client->waiting.  NULL where
     * all answers come at once. */
    void (*give_up)(void *waiting);

    /* The client ends: its client->session, where there is one, is over.  NULL where the
     * protocol has none. */
    void (*closed)(void *session);
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
    struct evbuffer *output; /* answers that the peer hasn't taken yet; NULL: none */
    uint64_t deadline_ms;
    /* When it last had a request answered or took octets of it, else when it came. */
    uint64_t served_ms;
    enum server_end at_deadline;

    /* The protocol's. */
    unsigned stage;
    void *session; /* NULL until the protocol makes one */
    void *waiting; /* what its answer waits for; NULL: nothing */
    bool is_last;
};

/* Owns `fd` from now on. */
struct server_client *server_client_new(
    struct server_host *host, int fd, uint64_t now_ms);

void server_client_close(
    struct server_client *client, enum server_end end, const struct error *error);

/* Where answers are written that are large, shared or late: behind those before. */
struct evbuffer *server_client_output(struct server_client *client);

/* The answer that was waited for is in its output.  Closes nothing. */
void server_client_go_on(struct server_client *client);

/* Whether a request is half read or not answered, or an answer half written. */
bool server_client_is_busy(const struct server_client *client);

const char *server_end_name(enum server_end end);

#endif
