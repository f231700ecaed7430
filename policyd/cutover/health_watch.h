/*
 * health_watch - whether this gateway takes mail, for who leads mail to it (keepalived, a
 * routing daemon): policyd is looked at twice a second, and health says what follows.
 *
 * Never for a cause that all gateways share: policyd with Redis away answers.
 */
#ifndef POLICYD_CUTOVER_HEALTH_WATCH_H
#define POLICYD_CUTOVER_HEALTH_WATCH_H

#include <stdbool.h>

#include "shared/base/buffer.h"
#include "shared/service/socket_address.h"

struct event_base;
struct health_watch;

/* SOCKET_NONE: policyd can't be asked, and is held for well. */
struct health_watch *health_watch_new(
    struct event_base *base, const struct socket_address *policyd);
void health_watch_free(struct health_watch *watch);

/* Another place of policyd's. */
void health_watch_configure(
    struct health_watch *watch, const struct socket_address *policyd);

/* Whether it is up, and one line why. */
bool health_watch_is_up(const struct health_watch *watch, struct buffer *why);

#endif
