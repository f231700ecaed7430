/*
 * redis_resolve - an address of the configuration to socket addresses, without blocking
 * (libevent's evdns).
 *
 * Unix paths and numeric hosts are answered at once; names from /etc/hosts or by DNS,
 * both read anew each time.
 */
#ifndef POLICYD_REDIS_REDIS_RESOLVE_H
#define POLICYD_REDIS_REDIS_RESOLVE_H

#include <sys/socket.h>

#include "shared/service/socket_address.h"

struct event_base;

enum { REDIS_TARGETS_MAX = 8 };

struct redis_target {
    struct sockaddr_storage address;
    socklen_t length;
    char name[254]; /* the host it was resolved from; "" for a unix socket */
    struct sockaddr_storage source; /* who connects binds to it first */
    socklen_t source_length;        /* 0: to nothing */
};

struct redis_resolve;

/* No targets: `why` says so.  May be called before redis_resolve_start returns. */
typedef void redis_resolved(
    void *argument, const struct redis_target *targets, size_t count, const char *why);

struct redis_resolve *redis_resolve_new(struct event_base *base, unsigned timeout_ms,
    redis_resolved *callback, void *argument);
void redis_resolve_free(struct redis_resolve *resolve);

/* One at a time. */
void redis_resolve_start(
    struct redis_resolve *resolve, const struct socket_address *address);

#endif
