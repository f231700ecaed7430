/*
 * rehearse_config - what postshift-rehearsal reads of the configuration file: its own
 * section, what policyd decides by, and where the controller keeps its books.
 */
#ifndef POLICYD_REHEARSE_REHEARSE_CONFIG_H
#define POLICYD_REHEARSE_REHEARSE_CONFIG_H

#include "policyd/serve/serve_config.h"

struct rehearse_config {
    struct serve_config served; /* first: the table's offsets begin with it */
    struct config *file;
    const char *user;
    const char *group;
    struct socket_address metrics; /* may be none */
    const char *state;             /* the file of its own: who was asked, and when */
    const char *books;             /* the controller's */
    const char *gateway;           /* "": the host's name */
    const char *rehearsal;         /* "no", or a percentage */
    bool is_on;
};

/* NULL: `errors` has a line for each thing that is wrong. */
struct rehearse_config *rehearse_config_read(
    const char *file, bool must_exist, struct buffer *errors);
void rehearse_config_free(struct rehearse_config *config);

/* What its user must be able to read and write, for -t. */
void rehearse_config_check(const struct rehearse_config *config,
    const struct daemon_options *options, struct buffer *errors);

#endif
