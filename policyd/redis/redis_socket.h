/*
 * redis_socket - a socket on its way to a Redis.
 */
#ifndef POLICYD_REDIS_REDIS_SOCKET_H
#define POLICYD_REDIS_REDIS_SOCKET_H

#include "policyd/redis/redis_resolve.h"
#include "shared/base/error.h"

/* Connecting, without blocking; -1: refused at once. */
int redis_socket_open(
    const struct redis_target *target, unsigned timeout_ms, struct error *error);

/* Settings of a TCP socket that make a dead peer known. */
void redis_socket_watch_peer(int fd, unsigned timeout_ms);

/* Whether something can be read at once. */
bool redis_socket_has_more(int fd);

#endif
