/*
 * server - the clients of one listener: accept, limit, idle time, an orderly end.
 *
 * What is spoken is a server_protocol, with its ceilings of octets and of time, which is
 * looked at twice a second.  A listener may have several sockets; they count together.
 * When there are clients_max of them, the one that has been served nothing for longest
 * makes room for the next.  Where the protocol spares those that were served a moment
 * ago, the next one waits unaccepted: one is crowded out in SERVER_FULL_PAUSE_MS at most,
 * and no more than clients_max are accepted in that time.  Where the process runs out of
 * descriptors all the same, 16 of the longest idle make room and accepting pauses for
 * SERVER_PAUSE_MS.  What is worth a line in the log is so ten times a minute and kind at
 * most.
 */
#ifndef SHARED_SERVICE_SERVER_H
#define SHARED_SERVICE_SERVER_H

#include "shared/service/metrics.h"
#include "shared/service/server_client.h"

enum {
    SERVER_CLIENTS_MAX = 1000, /* what clients_max mostly is */
    SERVER_SOCKETS_MAX = 32,
    SERVER_PAUSE_MS = 100,
    SERVER_FULL_PAUSE_MS = 20,
};

struct server;

/* What of it is counted. */
struct server_counts {
    struct metrics_series *clients; /* open now */
    struct metrics_series *closed[SERVER_ENDS];
    struct metrics_series *duration; /* from a request read to its answer made */
};

/* `counts` is copied; NULL: nothing is counted. */
struct server *server_new(struct event_base *base, const struct server_protocol *protocol,
    void *protocol_argument, size_t clients_max, const struct server_counts *counts);
void server_free(
    struct server *server); /* the listening sockets are closed by who opened them */

/* `fd` listens and is non-blocking; there are at most SERVER_SOCKETS_MAX. */
void server_listen(struct server *server, int fd);

/* No new clients, idle ones go; those that are busy may end what they began. */
void server_stop(struct server *server);

size_t server_client_count(const struct server *server);

#endif
