/*
 * auth_milter - the milter's handler: collect, check, decide, reply.
 */
#ifndef MILTERS_AUTH_AUTH_MILTER_H
#define MILTERS_AUTH_AUTH_MILTER_H

#include "milters/auth/auth_config.h"
#include "milters/auth/auth_metrics.h"

/* Serves on `fd` until the supervisor says otherwise. */
int auth_milter_serve(
    const struct auth_config *config, struct auth_metrics *metrics, int fd, int control);

#endif
