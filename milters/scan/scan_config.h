/*
 * scan_config - the options of postshift-scan: [scan], [log].
 */
#ifndef MILTERS_SCAN_SCAN_CONFIG_H
#define MILTERS_SCAN_SCAN_CONFIG_H

#include <sys/types.h>

#include "milters/scan/scan_decide.h"
#include "shared/service/config.h"
#include "shared/service/daemon.h"

enum { SCAN_RELOAD_OVERLAP, SCAN_RELOAD_REPLACE };

struct scan_config {
    struct config *config;      /* owns all texts */
    struct scan_config *former; /* before a reload: some of it may still be borrowed */
    struct daemon_log log;
    struct config_sockets listen;
    struct socket_address metrics;
    const char *databases;
    uint64_t workers; /* 0 in the file's absence: the cores */
    const char *user;
    const char *group;
    uint64_t deadline;
    uint64_t max_message;
    uint64_t max_scan;
    uint64_t max_file;
    uint64_t max_files;
    uint64_t max_recursion;
    int reload;
    uint64_t reload_check;
    uint64_t reload_quiet;
    struct scan_rules rules;
    struct config_list allow_signatures;
    const char *temp;
    bool temp_in_memory;
    bool require_sandbox;
    struct socket_address spamd;
    uint64_t spamd_timeout;
    uint64_t spamd_connections;
    uint64_t spamd_max_message;
    const char *spamd_user;
    /* Found out at load: 0 where we stay who we are. */
    uid_t uid;
    gid_t gid;
};

/* NULL and lines in `errors` on a bad file. */
struct scan_config *scan_config_load(
    const char *file, bool must_exist, struct buffer *errors);

/* For -t: adds a line for what the daemon's user can't read, write or bind. */
void scan_config_check_access(const struct scan_config *config,
    const struct daemon_options *given, struct buffer *errors);
void scan_config_free(struct scan_config *config);

#endif
