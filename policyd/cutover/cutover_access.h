/*
 * cutover_access - what -t looks at besides the words of the file: what the controller's
 * user must be able to read and write.
 */
#ifndef POLICYD_CUTOVER_CUTOVER_ACCESS_H
#define POLICYD_CUTOVER_CUTOVER_ACCESS_H

#include "policyd/cutover/cutover_config.h"
#include "shared/service/daemon.h"

/* Adds a line for each thing that fails. */
void cutover_access_check(const struct cutover_config *config,
    const struct daemon_options *options, struct buffer *errors);

#endif
