/*
 * policy_handler - answers Postfix's policy requests: gate, loop guard, and routing =
 * filter.
 *
 * Only requests of the RCPT stage are decided, all others get DUNNO.
 */
#ifndef POLICYD_SERVE_POLICY_HANDLER_H
#define POLICYD_SERVE_POLICY_HANDLER_H

#include "policyd/serve/serve_context.h"
#include "shared/service/server_client.h"

extern const struct server_protocol policy_protocol;

struct policy_handler;

/* The argument of policy_protocol. */
struct policy_handler *policy_handler_new(const struct serve_context *context);
void policy_handler_free(struct policy_handler *handler);

#endif
