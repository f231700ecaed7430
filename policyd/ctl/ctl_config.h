/*
 * ctl_config - what postshiftctl reads of the configuration file: what policyd decides
 * by, so that both decide alike, its own Redis user, and where the milters listen and are
 * asked.
 *
 * It is the tool of an emergency: what the verb at hand does not need may be wrong, and
 * is warned of.
 */
#ifndef POLICYD_CTL_CTL_CONFIG_H
#define POLICYD_CTL_CTL_CONFIG_H

#include "policyd/serve/serve_config.h"
#include "shared/dns/dns.h"

/* What a verb needs of the file, each besides what stands before it. */
enum ctl_needs {
    CTL_NEEDS_NOTHING, /* it is not even read */
    CTL_NEEDS_RULES,   /* by what policyd decides, and where it is asked */
    CTL_NEEDS_REDIS,
    CTL_NEEDS_ALL,
};

struct ctl_config {
    struct serve_config served; /* first: the table's offsets begin with it */
    struct serve_config *serve; /* that one; its Redis user is that of [ctl] */
    const char *postfix;        /* Postfix's directory; "": not said */
    const char *logged_postfix; /* of whose log the books are: that one, else the
                                   controller's; "": not said */
    struct config_sockets auth_listen;
    struct config_sockets scan_listen;
    const char *books; /* of the controller */
    const char *gateway;
    const char *rehearsal;       /* of the controller: "no", or a percentage */
    const char *probe_recipient; /* of the controller; "": none */
    struct socket_address page;  /* of the controller */
    const char *undo;            /* "no", or a duration */
    struct socket_address undo_listen;
    const char *undo_folder;
    const char *undo_key; /* "": none */
    uint64_t slot_ms;
    uint64_t min_samples;
    struct config_list instances; /* syslog names of Postfix */
    struct socket_address auth_metrics;
    struct socket_address scan_metrics;
    struct dns_config dns;
    /* What preflight needs to be told. */
    struct config_list gateways;
    const char *gateways_command; /* of --all-gateways; words by blanks, %h */
    uint64_t gateways_timeout_ms;
    struct config_list outbound[DOMAIN_SIDES]; /* addresses that each side sends from */
    struct config_list dkim_selectors;
    struct config_list dnsbl;
    struct {
        const char *url[DOMAIN_SIDES]; /* of its IMAP server; "": not given */
        const char *master[DOMAIN_SIDES];
        const char *password_file[DOMAIN_SIDES];
        const char *separator;
        const char *tls_ca;
    } compare;
    /* Words of the helper that acts on mail on hold for who isn't root. */
    struct config_list quarantine;
    /* Files; "": none. */
    const char *addresses; /* one a line */
    const char *aliases;   /* "ADDRESS WHOSE", one a line */
    const char *forwards;  /* "ADDRESS TARGET", one a line */
    const char *usage_old; /* "ADDRESS SIZE" */
    const char *quota_new;
    const char *exported;       /* "forwards|filters|aliases DATE" */
    const char *foreign_sender; /* an address elsewhere; "": none */
    /* A mailbox on new that a test mail goes to. */
    const char *arrival; /* its server as a URL; "": none */
    const char *arrival_address;
    const char *arrival_user;
    const char *arrival_password_file;
    uint64_t scan_deadline_ms;
    uint64_t preflight_pause_ms;      /* between two tries */
    struct config *file;              /* NULL: it can't be read */
    struct buffer wrong;              /* lines, each FILE:LINE: what is wrong */
    bool is_wrong[CTL_NEEDS_ALL + 1]; /* by who needs it */
};

/* `section`: of whose user of Redis it is, "ctl" or "cutover".  Never NULL; whether
 * `wrong` matters, ctl_config_serves says. */
struct ctl_config *ctl_config_read(
    const char *file, bool must_exist, const char *section);
bool ctl_config_serves(const struct ctl_config *config, enum ctl_needs needs);
void ctl_config_free(struct ctl_config *config);

#endif
