/*
 * socket_address - where to listen or connect, as Postfix and the milters write it.
 *
 * `unix:/path`, `local:/path`, `inet:host:port`, `inet:[v6]:port`, `inet:port@host`,
 * `inet6:...` alike; `none` where the caller allows it.  Pure.
 */
#ifndef SHARED_SERVICE_SOCKET_ADDRESS_H
#define SHARED_SERVICE_SOCKET_ADDRESS_H

#include "shared/base/error.h"
#include "shared/base/span.h"

enum socket_kind { SOCKET_NONE, SOCKET_UNIX, SOCKET_INET };

struct socket_address {
    enum socket_kind kind;
    char path[108]; /* unix: absolute, at most 107 octets */
    char host[254]; /* inet: a name or an address without brackets; "*" is any */
    unsigned port;  /* 1..65535 */
};

bool socket_address_parse(
    struct span text, struct socket_address *address, struct error *error);

/* The same kind and place, in the same words. */
bool socket_address_equal(
    const struct socket_address *left, const struct socket_address *right);

/* In Postfix's form: unix:/path, inet:host:port, inet:[v6]:port, none. */
void socket_address_write(const struct socket_address *address, char out[300]);

#endif
