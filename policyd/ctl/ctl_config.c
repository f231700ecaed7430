#include "policyd/ctl/ctl_config.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/wire/smtp_command.h"
#include "shared/base/allocate.h"
#include "shared/base/attributes.h"

#define QUEUE "unix:/var/spool/postfix/postshift/"

enum { WRONG_MAX = 4 << 20 };

#define OWN(section, key, field, type, ...)                                              \
    CONFIG_OPTION_AS(struct ctl_config, section, key, field, type, __VA_ARGS__)

static bool
check_address(const void *field, struct error *error)
{
    return smtp_address_check(span_of(*(const char *const *)field), error);
}

static bool
check_mailbox(const void *field, struct error *error)
{
    const char *url = *(const char *const *)field;

    return strncmp(url, "imap://", 7) == 0 || strncmp(url, "imaps://", 8) == 0 ||
           error_permanent(error,
               "\"%.200s\" is no mailbox server (imaps://HOST:PORT or imap://HOST:PORT)",
               url);
}

static const struct config_option own[] = {
    DNS_CONFIG_OPTIONS(struct ctl_config, dns),
    OWN("cutover", "probe_recipient", probe_recipient, CONFIG_TEXT, "",
        .may_be_empty = true),
    OWN("ctl", "gateways", gateways, CONFIG_LIST, "", .may_be_empty = true),
    OWN("ctl", "gateways_command", gateways_command, CONFIG_TEXT,
        "ssh -o BatchMode=yes %h postshiftctl"),
    OWN("ctl", "gateways_timeout", gateways_timeout_ms, CONFIG_DURATION, "60s",
        .least = 100, .most = 3600000),
    OWN("ctl", "outbound_old", outbound[SIDE_OLD], CONFIG_NETWORKS, "",
        .may_be_empty = true),
    OWN("ctl", "outbound_new", outbound[SIDE_NEW], CONFIG_NETWORKS, "",
        .may_be_empty = true),
    OWN("ctl", "dkim_selectors", dkim_selectors, CONFIG_LIST, "", .may_be_empty = true),
    OWN("ctl", "dnsbl", dnsbl, CONFIG_LIST, "", .may_be_empty = true),
    OWN("compare", "old", compare.url[SIDE_OLD], CONFIG_TEXT, "", .may_be_empty = true,
        .check = check_mailbox),
    OWN("compare", "new", compare.url[SIDE_NEW], CONFIG_TEXT, "", .may_be_empty = true,
        .check = check_mailbox),
    OWN("compare", "old_master", compare.master[SIDE_OLD], CONFIG_TEXT, "",
        .may_be_empty = true),
    OWN("compare", "new_master", compare.master[SIDE_NEW], CONFIG_TEXT, "",
        .may_be_empty = true),
    OWN("compare", "old_password_file", compare.password_file[SIDE_OLD], CONFIG_PATH, "",
        .may_be_empty = true),
    OWN("compare", "new_password_file", compare.password_file[SIDE_NEW], CONFIG_PATH, "",
        .may_be_empty = true),
    OWN("compare", "separator", compare.separator, CONFIG_TEXT, "*"),
    OWN("compare", "tls_ca", compare.tls_ca, CONFIG_PATH, "", .may_be_empty = true),
    OWN("ctl", "quarantine_command", quarantine, CONFIG_LIST,
        "sudo -n /usr/share/postshift/quarantine"),
    OWN("ctl", "addresses", addresses, CONFIG_PATH, "", .may_be_empty = true),
    OWN("ctl", "aliases", aliases, CONFIG_PATH, "", .may_be_empty = true),
    OWN("ctl", "forwards", forwards, CONFIG_PATH, "", .may_be_empty = true),
    OWN("ctl", "usage_old", usage_old, CONFIG_PATH, "", .may_be_empty = true),
    OWN("ctl", "quota_new", quota_new, CONFIG_PATH, "", .may_be_empty = true),
    OWN("ctl", "exported", exported, CONFIG_PATH, "", .may_be_empty = true),
    OWN("ctl", "foreign_sender", foreign_sender, CONFIG_TEXT, "", .may_be_empty = true,
        .check = check_address),
    OWN("ctl", "arrival", arrival, CONFIG_TEXT, "", .may_be_empty = true,
        .check = check_mailbox),
    OWN("ctl", "arrival_address", arrival_address, CONFIG_TEXT, "", .may_be_empty = true,
        .check = check_address),
    OWN("ctl", "arrival_user", arrival_user, CONFIG_TEXT, "", .may_be_empty = true),
    OWN("ctl", "arrival_password_file", arrival_password_file, CONFIG_PATH, "",
        .may_be_empty = true),
    OWN("ctl", "preflight_pause", preflight_pause_ms, CONFIG_DURATION, "15s", .least = 10,
        .most = 60000),
    OWN("cutover", "instances", instances, CONFIG_LIST, "postfix"),
    OWN("cutover", "slot", slot_ms, CONFIG_DURATION, "60s", .least = 1000, .most = 60000),
    OWN("cutover", "min_samples", min_samples, CONFIG_NUMBER, "200", .least = 1,
        .most = 1000000000),
    OWN("cutover", "books", books, CONFIG_PATH, "/var/lib/postshift/cutover/books.db"),
    OWN("cutover", "gateway", gateway, CONFIG_TEXT, "", .may_be_empty = true),
    OWN("cutover", "rehearsal", rehearsal, CONFIG_TEXT, "no"),
    OWN("cutover", "page", page, CONFIG_SOCKET, "inet:127.0.0.1:8794",
        .may_be_empty = true),
    OWN("cutover", "undo", undo, CONFIG_TEXT, "no"),
    OWN("cutover", "undo_listen", undo_listen, CONFIG_SOCKET, QUEUE "undo.sock"),
    OWN("cutover", "undo_folder", undo_folder, CONFIG_PATH, "/var/lib/postshift/undo"),
    OWN("cutover", "undo_key", undo_key, CONFIG_PATH, "", .may_be_empty = true),
    OWN("cutover", "postfix", logged_postfix, CONFIG_PATH, "", .may_be_empty = true),
    OWN("ctl", "postfix", postfix, CONFIG_PATH, "", .may_be_empty = true),
    OWN("auth", "listen", auth_listen, CONFIG_SOCKETS, QUEUE "auth.sock",
        .may_be_empty = true),
    OWN("scan", "listen", scan_listen, CONFIG_SOCKETS, QUEUE "scan.sock",
        .may_be_empty = true),
    OWN("scan", "deadline", scan_deadline_ms, CONFIG_DURATION, "25s", .least = 1000,
        .most = 280000),
    OWN("auth", "metrics", auth_metrics, CONFIG_SOCKET, "inet:127.0.0.1:8791",
        .may_be_empty = true),
    OWN("scan", "metrics", scan_metrics, CONFIG_SOCKET, "inet:127.0.0.1:8792",
        .may_be_empty = true),
};

/* Keys of [policyd] that say how it serves, not what it answers. */
static const char *const serving[] = {"policy", "route", "dict", "user", "group",
    "hold_at", "routing", "imap_follows", "snapshot", "log_routes", "backends_old",
    "backends_new", "redis_username", "redis_password_file"};

static bool
is_of_serving(const char *key)
{
    for (size_t i = 0; key != NULL && i < ARRAY_LENGTH(serving); i++) {
        if (strcmp(key, serving[i]) == 0)
            return true;
    }
    return false;
}

static enum ctl_needs
who_needs(const char *section, const char *key)
{
    if (section[0] == '\0')
        return CTL_NEEDS_RULES;
    if (strcmp(section, "policyd") == 0)
        return is_of_serving(key) ? CTL_NEEDS_ALL : CTL_NEEDS_RULES;
    if (strcmp(section, "redis") == 0)
        return CTL_NEEDS_REDIS;
    if (strcmp(section, "ctl") == 0 && key != NULL && strncmp(key, "redis_", 6) == 0)
        return CTL_NEEDS_REDIS;
    return CTL_NEEDS_ALL;
}

static void
notice(void *argument, const char *section, const char *key)
{
    struct ctl_config *config = argument;

    config->is_wrong[who_needs(section, key)] = true;
}

struct ctl_config *
ctl_config_read(const char *file, bool must_exist, const char *section)
{
    struct ctl_config *config = allocate(sizeof(*config));
    struct config_option options[SERVE_OPTIONS_MAX + ARRAY_LENGTH(own)];
    size_t count = serve_config_options(section, options);
    size_t before;

    for (size_t i = 0; i < ARRAY_LENGTH(own); i++)
        options[count++] = own[i];
    buffer_init(&config->wrong, WRONG_MAX);
    config->serve = &config->served;
    config->file = config_read_noticed(
        file, must_exist, options, count, config, &config->wrong, notice, config);
    if (config->file == NULL)
        return config;
    before = config->wrong.length;
    redis_config_finish(&config->served.redis, config->file, section, &config->wrong);
    if (config->wrong.length > before)
        config->is_wrong[CTL_NEEDS_REDIS] = true;
    serve_config_make_ready(&config->served);
    if (config->postfix[0] != '\0')
        config->logged_postfix = config->postfix;
    return config;
}

bool
ctl_config_serves(const struct ctl_config *config, enum ctl_needs needs)
{
    for (size_t i = 0; i <= (size_t)needs; i++) {
        if (config->is_wrong[i])
            return false;
    }
    return true;
}

void
ctl_config_free(struct ctl_config *config)
{
    if (config == NULL)
        return;
    buffer_clear(&config->wrong);
    serve_config_clear(&config->served);
    config_free(config->file);
    free(config);
}
