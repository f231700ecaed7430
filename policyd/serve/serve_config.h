/*
 * serve_config - what postshift-policyd reads of the configuration file, checked and made
 * ready for use.
 *
 * One block, read whole or not at all, so that a reload can put a new one in the place of
 * the old.
 */
#ifndef POLICYD_SERVE_SERVE_CONFIG_H
#define POLICYD_SERVE_SERVE_CONFIG_H

#include "policyd/redis/redis_config.h"
#include "policyd/replica/replica_rules.h"
#include "policyd/routing/route_decide.h"
#include "policyd/state/domain_list.h"
#include "shared/base/domain.h"
#include "shared/service/config.h"
#include "shared/service/daemon.h"

enum { SERVE_HOLD_TEXT_MAX = 300, SERVE_DELIMITERS_MAX = 8 };

/* In the order of their choices in the table of options. */
enum serve_hold_at { HOLD_AT_QUEUE, HOLD_AT_SMTP };
enum serve_routing { ROUTING_TRANSPORT, ROUTING_FILTER };
enum serve_imap_follows { IMAP_FOLLOWS_PIN, IMAP_FOLLOWS_ROUTE };
enum serve_system_recipients { SYSTEM_RECIPIENTS_OLD, SYSTEM_RECIPIENTS_BUCKET };

struct network_list {
    struct network *items;
    size_t count;
};

struct serve_config {
    struct daemon_log log;
    struct redis_config redis;
    const char *user;
    const char *group;
    struct config_sockets policy;
    struct config_sockets route;
    struct config_sockets dict;
    struct socket_address metrics;
    struct config_list domains;
    struct config_list transports;
    struct config_list nexthops;
    bool allow_loopback;
    const char *recipient_delimiter;
    bool fold_local_part;
    int system_recipients; /* the enums above */
    int hold_at;
    const char *hold_text;
    int routing;
    int imap_follows;
    struct config_list backends_old;
    struct config_list backends_new;
    const char *snapshot; /* "": none */
    const char *override; /* "": none */
    bool log_routes;
    const char *site; /* "": none */

    /* Made of these; all borrowed from this struct. */
    struct route_rules route_rules;
    struct domain_state_rules state_rules;
    struct network_list old_networks;
    struct network_list new_networks;

    struct config *file;
    struct domain_list domain_names;
    char **own_addresses;
};

/* NULL: `errors` has a line for each thing that is wrong. */
struct serve_config *serve_config_read(
    const char *file, bool must_exist, struct buffer *errors);
void serve_config_free(struct serve_config *config);

/* What it leaves open that should be closed, in a sentence; NULL: nothing. */
const char *serve_config_warning(const struct serve_config *config);

/*
 * For a program that decides by the same rules but has a Redis user of its own, in its
 * own section: the rows for a struct that begins with a struct serve_config.  `out`
 * has room for SERVE_OPTIONS_MAX.  What was read by them is made ready, and cleared, by
 * the next two; `file` stays the caller's.
 */
enum { SERVE_OPTIONS_MAX = 64 };
size_t serve_config_options(const char *section, struct config_option *out);
void serve_config_make_ready(struct serve_config *config);
void serve_config_clear(struct serve_config *config);

bool network_list_has(const struct network_list *networks, struct span address);

/* What the state in Redis is judged by; borrowed from the configuration. */
struct replica_rules serve_config_replica_rules(const struct serve_config *config);

bool serve_config_same_redis(
    const struct serve_config *old, const struct serve_config *new);

/* What was changed that only a restart can put in force, by commas; "" for none. */
void serve_config_restart_keys(
    const struct serve_config *old, const struct serve_config *new, struct buffer *keys);

#endif
