/*
 * cutover_config - what postshift-cutover reads of the configuration file: its own
 * section, and what policyd decides by.
 */
#ifndef POLICYD_CUTOVER_CUTOVER_CONFIG_H
#define POLICYD_CUTOVER_CUTOVER_CONFIG_H

#include "policyd/serve/serve_config.h"

struct cutover_config {
    struct serve_config served; /* first: the table's offsets begin with it */
    struct config *file;
    const char *log;
    const char *books;
    uint64_t keep_ms;
    uint64_t books_max;
    uint64_t slot_ms;
    struct socket_address page;
    const char *user;
    const char *group;
    uint64_t min_samples;
    struct config_list instances;
    const char *gateway; /* "": the host's name */
    const char *postfix; /* "": MAIL_CONFIG, else postconf's own */
    bool queue;
    const char *drain;
    bool callout;
    uint64_t probe_interval_ms;
    const char *probe_sender;
    const char *probe_recipient;
    const char *before_advance; /* hooks, "" for none */
    const char *after_transition;
    const char *after_rollback;
    const char *notify;
    uint64_t escalate_ms;
    int preflight;         /* enum plan_preflight_mode */
    const char *rehearsal; /* "no", or a percentage */
    const char *undo;      /* "no", or a duration */
    struct socket_address undo_listen;
    const char *undo_folder;
    const char *undo_key;
    uint64_t undo_max;
};

/* NULL: `errors` has a line for each thing that is wrong. */
struct cutover_config *cutover_config_read(
    const char *file, bool must_exist, struct buffer *errors);
void cutover_config_free(struct cutover_config *config);

enum { CUTOVER_PATH_SIZE = 4096 };

/* The file for what Redis said last: beside the books. */
void cutover_config_snapshot(
    const struct cutover_config *config, char path[CUTOVER_PATH_SIZE]);

#endif
