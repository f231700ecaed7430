#include "milters/auth/auth_config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "milters/dkim/dkim_plan.h"
#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/base/domain.h"
#include "shared/base/network.h"
#include "shared/service/access_check.h"
#include "shared/service/privs.h"

/* postshift-auth.socket has it, too. */
#define AUTH_SOCKET "/var/spool/postfix/postshift/auth.sock"
#define AUTH(field, ...) CONFIG_OPTION(struct auth_config, "auth", field, __VA_ARGS__)
#define WISH(field, ...)                                                                 \
    CONFIG_OPTION_AS(struct auth_config, "auth", #field, wishes.field, __VA_ARGS__)

static const struct config_option options[] = {
    DAEMON_LOG_OPTIONS(struct auth_config, log),
    DNS_CONFIG_OPTIONS(struct auth_config, dns),
    AUTH(listen, CONFIG_SOCKETS, "unix:" AUTH_SOCKET),
    AUTH(metrics, CONFIG_SOCKET, "inet:127.0.0.1:8791", NULL, 0, 0, true),
    AUTH(user, CONFIG_TEXT, "", .may_be_empty = true, .check = privs_check_user),
    AUTH(group, CONFIG_TEXT, "", .may_be_empty = true, .check = privs_check_group),
    AUTH(authserv_id, CONFIG_TEXT, "", NULL, 0, 0, true),
    AUTH(trusted_networks, CONFIG_NETWORKS, "127.0.0.0/8 ::1", NULL, 0, 0, true),
    AUTH(dmarc, CONFIG_YES_NO, "yes"),
    WISH(dmarc_enforce, CONFIG_YES_NO, "no"),
    WISH(dmarc_quarantine, CONFIG_CHOICE, "hold", "hold|tag"),
    AUTH(dmarc_exempt, CONFIG_LIST, "", NULL, 0, 0, true),
    AUTH(org_domain, CONFIG_CHOICE, "tree-walk", "tree-walk|psl"),
    WISH(bad_from, CONFIG_CHOICE, "accept", "accept|quarantine|reject"),
    AUTH(spf, CONFIG_YES_NO, "yes"),
    AUTH(spf_reject, CONFIG_CHOICE, "no", "no|fail"),
    AUTH(spf_helo, CONFIG_YES_NO, "yes"),
    AUTH(dkim, CONFIG_YES_NO, "yes"),
    AUTH(dkim_max_signatures, CONFIG_NUMBER, "10", NULL, 1, DKIM_SIGNATURES_MAX),
    AUTH(dkim_length_counts, CONFIG_YES_NO, "no"),
    AUTH(on_dns_error, CONFIG_CHOICE, "accept", "accept|tempfail"),
};

/* What stands in every header must be a name that needs no quotes. */
static void
set_authserv_id(struct auth_config *config, struct buffer *errors)
{
    static char host[DOMAIN_MAX + 1];

    if (config->authserv_id[0] == '\0') {
        if (gethostname(host, sizeof(host) - 1) < 0 || !domain_is_valid(span_of(host)))
            (void)span_copy(SPAN("localhost"), host, sizeof(host));
        config->authserv_id = host;
    }
    if (!domain_is_valid(span_of(config->authserv_id)))
        config_complain(config->config, errors, "auth", "authserv_id",
            "\"%s\" is no host name (such as mx.example.net)", config->authserv_id);
}

static void
check_exempt(const struct auth_config *config, struct buffer *errors)
{
    for (size_t i = 0; i < config->dmarc_exempt.count; i++) {
        struct span word = span_of(config->dmarc_exempt.items[i]);
        struct network network;

        if (!network_parse(word, &network) && !domain_is_valid(word))
            config_complain(config->config, errors, "auth", "dmarc_exempt",
                "\"%s\" is neither a domain nor a network (such as list.example or "
                "192.0.2.0/24)",
                config->dmarc_exempt.items[i]);
    }
}

struct auth_config *
auth_config_load(const char *file, bool must_exist, struct buffer *errors)
{
    struct auth_config *config = allocate(sizeof(*config));
    size_t before = errors->length;
    struct error error;

    config->config =
        config_read(file, must_exist, options, ARRAY_LENGTH(options), config, errors);
    if (config->config == NULL) {
        free(config);
        return NULL;
    }
    config->wishes.spf_reject = config->spf_reject != 0;
    config->wishes.dns_tempfail = config->on_dns_error != 0;
    set_authserv_id(config, errors);
    check_exempt(config, errors);
    if (!dns_servers_check(&config->dns.servers, &error))
        config_complain(config->config, errors, "dns", "servers", "%s", error.text);
    if (errors->length > before) {
        config_free(config->config);
        free(config);
        return NULL;
    }
    return config;
}

void
auth_config_check_access(const struct auth_config *config,
    const struct daemon_options *given, struct buffer *errors)
{
    const struct access_daemon daemon = {
        "postshift-auth", "auth", "postshift-auth", config->user, config->group};
    struct access_want wants[ACCESS_WANTS_MAX] = {
        {NULL, ACCESS_READ_FOUND, given->config_file},
    };
    size_t count = 1;

    count += access_want_sockets(
        wants + count, "listen", ACCESS_BIND_GIVEN, &config->listen, AUTH_SOCKET);
    access_check(config->config, given, &daemon, wants, count, errors);
}

bool
auth_config_trusts(const struct auth_config *config, struct span address)
{
    for (size_t i = 0; i < config->trusted_networks.count; i++) {
        struct network network;

        if (network_parse(span_of(config->trusted_networks.items[i]), &network) &&
            network_has(&network, address))
            return true;
    }
    return false;
}
