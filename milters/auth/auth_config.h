/*
 * auth_config - the options of postshift-auth: [auth], [dns], [log].
 */
#ifndef MILTERS_AUTH_AUTH_CONFIG_H
#define MILTERS_AUTH_AUTH_CONFIG_H

#include "milters/auth/auth_decide.h"
#include "shared/dns/dns.h"
#include "shared/service/config.h"
#include "shared/service/daemon.h"

enum { AUTH_ORG_TREE_WALK, AUTH_ORG_PSL };

struct auth_config {
    struct config *config;      /* owns all texts */
    struct auth_config *former; /* before a reload: parts of it are still borrowed */
    struct daemon_log log;
    struct dns_config dns;
    struct config_sockets listen;
    struct socket_address metrics;
    const char *user;
    const char *group;
    const char *authserv_id;
    struct config_list trusted_networks;
    bool dmarc;
    struct config_list dmarc_exempt;
    int on_dns_error; /* 0 accept, 1 tempfail */
    int org_domain;
    bool spf;
    bool spf_helo;
    bool dkim;
    uint64_t dkim_max_signatures;
    bool dkim_length_counts;
    int spf_reject;            /* 0 no, 1 fail */
    struct auth_wishes wishes; /* what is done about results */
};

/* NULL and lines in `errors` on a bad file. */
struct auth_config *auth_config_load(
    const char *file, bool must_exist, struct buffer *errors);

/* For -t: adds a line for what the daemon's user can't read or bind. */
void auth_config_check_access(const struct auth_config *config,
    const struct daemon_options *given, struct buffer *errors);

/* Whether the client's address (text) is in trusted_networks. */
bool auth_config_trusts(const struct auth_config *config, struct span address);

#endif
