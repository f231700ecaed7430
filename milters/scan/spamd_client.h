/*
 * spamd_client - one request to spamd over its socket, beside other waiting: never
 * blocks.
 *
 * At most `connections` requests of all serving processes are under way (spamd has so
 * many children; what is over waits in the kernel, and with it every other mail): until a
 * place is free a request only counts its time.
 */
#ifndef MILTERS_SCAN_SPAMD_CLIENT_H
#define MILTERS_SCAN_SPAMD_CLIENT_H

#include <stdatomic.h>

#include "milters/scan/spamd_wire.h"
#include "shared/service/socket_address.h"

struct spamd_server {
    struct socket_address address; /* SOCKET_NONE: spamd is off */
    uint64_t timeout_ms;
    unsigned connections;
    atomic_int *places; /* so many, shared: the process that has it, 0 free */
    const char *user;
};

struct spamd_client;

/*
 * `preamble` and `message` are borrowed until the end.  Never NULL; trouble shows in
 * spamd_client_done.
 */
struct spamd_client *spamd_client_new(const struct spamd_server *server,
    struct span preamble, struct span message, uint64_t now_ms);
void spamd_client_free(struct spamd_client *client); /* NULL is fine */

/* For poll: -1 while it waits for a place (look again within 20 ms). */
int spamd_client_fd(const struct spamd_client *client, short *events);

/* Goes on; `events` is what poll gave.  Past its deadline it is done with an error. */
void spamd_client_step(struct spamd_client *client, short events, uint64_t now_ms);

/* Whether it has ended; then *reply, or an error. */
bool spamd_client_done(const struct spamd_client *client);
bool spamd_client_reply(
    const struct spamd_client *client, struct spamd_reply *reply, struct error *error);

#endif
