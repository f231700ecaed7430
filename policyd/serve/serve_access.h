/*
 * serve_access - what -t looks at besides the words of the file: what policyd's user must
 * be able to read, write and bind.
 */
#ifndef POLICYD_SERVE_SERVE_ACCESS_H
#define POLICYD_SERVE_SERVE_ACCESS_H

#include "policyd/serve/serve_config.h"

/* Adds a line for each thing that fails. */
void serve_access_check(const struct serve_config *config,
    const struct daemon_options *options, struct buffer *errors);

#endif
