/*
 * route_handler - answers Postfix's socketmap look-ups out of the replica.
 *
 * The name of the map is the view: `transport` for the gateway, `from-old` and `from-new`
 * for a backend that asks where a recipient is (NOTFOUND: with itself).
 */
#ifndef POLICYD_SERVE_ROUTE_HANDLER_H
#define POLICYD_SERVE_ROUTE_HANDLER_H

#include "policyd/serve/serve_context.h"
#include "shared/service/server_client.h"

extern const struct server_protocol route_protocol;

struct route_handler;

/* The argument of route_protocol. */
struct route_handler *route_handler_new(const struct serve_context *context);
void route_handler_free(struct route_handler *handler);

#endif
