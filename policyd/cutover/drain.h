/*
 * drain - waiting mail is routed anew where the direction has turned, on this gateway.
 *
 * After a change of a domain's weight, mode, lists or next hops, or of a pin of the
 * guard's: waits until our own policyd answers as we do, then touches `[cutover] drain`,
 * which a root helper watches (`postfix reload`, `postqueue -f`).  A policyd that does
 * not answer so within 30 seconds is told of, and mail is drained all the same.
 *
 * At most once a minute, or once a slot where that is shorter: what comes meanwhile is
 * done then.
 */
#ifndef POLICYD_CUTOVER_DRAIN_H
#define POLICYD_CUTOVER_DRAIN_H

#include "policyd/replica/replica_orders.h"
#include "policyd/routing/route_decide.h"
#include "shared/service/socket_address.h"

struct event_base;
struct drain;

enum { DRAIN_DEADLINE_MS = 30000, DRAIN_EVERY_MS = 60000 };

/* Borrowed; they may be others after a reload (drain_set_options). */
struct drain_options {
    const char *file;
    const struct socket_address *policyd; /* its metrics address */
    const struct route_rules *rules;
    uint64_t every_ms; /* at most so often */
    const struct replica *(*replica)(void *argument);
    /* It was touched; `why` names the domain that was changed last.  May be NULL. */
    void (*drained)(void *argument, const char *domain);
    void *argument;
};

struct drain *drain_new(struct event_base *base, const struct drain_options *options);
void drain_free(struct drain *drain);
void drain_set_options(struct drain *drain, const struct drain_options *options);

/* Each change that the replica tells. */
void drain_change(struct drain *drain, const struct replica_change *change);

/* A recipient whose route the guard has changed. */
void drain_recipient(struct drain *drain, struct span domain, struct span recipient);

/* One is due. */
bool drain_is_pending(const struct drain *drain);

#endif
