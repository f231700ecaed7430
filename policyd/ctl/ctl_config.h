/*
 * ctl_config - what postshiftctl reads of the configuration file: all that policyd reads,
 * so that it decides by the same rules, its own Redis user, and where the milters listen.
 */
#ifndef POLICYD_CTL_CTL_CONFIG_H
#define POLICYD_CTL_CTL_CONFIG_H

#include "policyd/serve/serve_config.h"

struct ctl_config {
    struct serve_config *serve; /* its Redis user is that of [ctl] */
    struct config_sockets auth_listen;
    struct config_sockets scan_listen;
    struct config *file;
};

/* NULL: `errors` has a line for each thing that is wrong. */
struct ctl_config *ctl_config_read(
    const char *file, bool must_exist, struct buffer *errors);
void ctl_config_free(struct ctl_config *config);

#endif
