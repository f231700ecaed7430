/*
 * milter_client - who the MTA says is talking to it.
 */
#ifndef MILTERS_PROTOCOL_MILTER_CLIENT_H
#define MILTERS_PROTOCOL_MILTER_CLIENT_H

#include "milters/protocol/milter_wire.h"

struct milter_client {
    char address[64]; /* IPv4 in IPv6 is the IPv4 client it is; "" where there is none */
    char name[256];   /* verified by the MTA; "" else */
    char helo[256];
    /*
     * Without an address only what calls itself "localhost" is local: a proxy may know no
     * address of a stranger (XCLIENT ADDR=[UNAVAILABLE]).
     */
    bool local;
};

/* What is too long is cut; what is no address is none. */
void milter_client_connect(
    struct milter_client *client, const struct milter_connect *connect);
void milter_client_helo(struct milter_client *client, struct span name);

#endif
