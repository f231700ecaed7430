/*
 * auth_milter - libmilter's callbacks: collect, check, decide, reply.
 *
 * Limits: where Postfix itself does not know the client's address (XCLIENT
 * ADDR=[UNAVAILABLE]), libmilter takes its packet for a broken one and hangs up:
 * default_action decides.
 */
#ifndef MILTERS_AUTH_AUTH_MILTER_H
#define MILTERS_AUTH_AUTH_MILTER_H

#include "milters/auth/auth_config.h"
#include "milters/auth/auth_metrics.h"

/* Serves on `fd` until the supervisor says otherwise. */
int auth_milter_serve(
    const struct auth_config *config, struct auth_metrics *metrics, int fd, int control);

#endif
