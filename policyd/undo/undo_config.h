/*
 * undo_config - what postshift-undo reads of the configuration file: what [cutover] says
 * of undo.
 */
#ifndef POLICYD_UNDO_UNDO_CONFIG_H
#define POLICYD_UNDO_UNDO_CONFIG_H

#include "shared/service/config.h"
#include "shared/service/daemon.h"

struct undo_config {
    struct daemon_log log;
    struct config *file;
    const char *undo; /* "no", or a duration */
    uint64_t keep_ms; /* that one; 0: undo is off */
    struct socket_address listen;
    struct socket_address metrics; /* may be none */
    const char *folder;
    const char *key;
    uint64_t max;
    const char *user; /* "": stay as started */
};

/* NULL: `errors` has a line for each thing that is wrong. */
struct undo_config *undo_config_read(
    const char *file, bool must_exist, struct buffer *errors);
void undo_config_free(struct undo_config *config);

#endif
