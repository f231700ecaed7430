#include "policyd/serve/serve_config.h"
#include "policyd/serve/serve_domains.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/service/privs.h"

#define QUEUE "/var/spool/postfix/postshift/"
#define POLICYD(field, type, ...)                                                        \
    CONFIG_OPTION(struct serve_config, "policyd", field, type, __VA_ARGS__)

/* Says which items are wrong, all of them as far as there is room. */
static bool
check_items(const struct config_list *list, bool (*is_good)(const char *item),
    const char *what, struct error *error)
{
    struct buffer bad;
    bool all_good;

    buffer_init(&bad, 120);
    for (size_t i = 0; i < list->count; i++) {
        if (!is_good(list->items[i]) &&
            !buffer_printf(&bad, "%s%s", bad.length > 0 ? ", " : "", list->items[i]))
            break;
    }
    all_good = bad.length == 0;
    if (!all_good)
        (void)error_permanent(error, "%s: %s", buffer_text(&bad), what);
    buffer_clear(&bad);
    return all_good;
}

static bool
is_transport(const char *item)
{
    return strpbrk(item, ":[]@,/") == NULL;
}

static bool
check_transports(const void *field, struct error *error)
{
    return check_items(
        field, is_transport, "no name of a delivery service (cutover-old)", error);
}

static bool
is_nexthop(const char *item)
{
    return domain_route_is_nexthop(span_of(item));
}

static bool
check_nexthops(const void *field, struct error *error)
{
    return check_items(field, is_nexthop,
        "no nexthop (any, or hosts, addresses, networks and unix:path, by blanks, "
        "without "
        "brackets and port)",
        error);
}

static bool
check_delimiters(const void *field, struct error *error)
{
    const char *delimiters = *(const char *const *)field;

    if (strlen(delimiters) > SERVE_DELIMITERS_MAX ||
        strpbrk(delimiters, "@\" \t") != NULL || !span_is_ascii(span_of(delimiters)))
        return error_permanent(
            error, "no delimiters (one or a few of characters like + and -)");
    return true;
}

static bool
check_site(const void *field, struct error *error)
{
    return domain_site_is_name(span_of(*(const char *const *)field)) ||
           error_permanent(error, "no name (1 to 64 letters, digits, dots, underscores, "
                                  "hyphens)");
}

/* It becomes a part of an SMTP reply. */
static bool
check_hold_text(const void *field, struct error *error)
{
    struct span text = span_of(*(const char *const *)field);

    if (text.length > SERVE_HOLD_TEXT_MAX || !span_is_ascii(text))
        return error_permanent(
            error, "no text of at most %d ASCII characters", SERVE_HOLD_TEXT_MAX);
    return true;
}

static const struct config_option options[] = {
    DAEMON_LOG_OPTIONS(struct serve_config, log),
    REDIS_CONFIG_OPTIONS(struct serve_config, redis, "policyd"),
    POLICYD(user, CONFIG_TEXT, "", .may_be_empty = true, .check = privs_check_user),
    POLICYD(group, CONFIG_TEXT, "", .may_be_empty = true, .check = privs_check_group),
    POLICYD(policy, CONFIG_SOCKETS, "unix:" QUEUE "policy.sock", .may_be_empty = true),
    POLICYD(route, CONFIG_SOCKETS, "unix:" QUEUE "route.sock", .may_be_empty = true),
    POLICYD(dict, CONFIG_SOCKETS, "unix:/run/postshift/dict.sock", .may_be_empty = true),
    POLICYD(metrics, CONFIG_SOCKET, "inet:127.0.0.1:8793", .may_be_empty = true),
    POLICYD(domains, CONFIG_LIST, "", .check = serve_domains_check),
    POLICYD(transports, CONFIG_LIST,
        "cutover-old cutover-new cutover-standby "
        "cutover-old-lmtp cutover-new-lmtp cutover-standby-lmtp",
        .check = check_transports),
    POLICYD(nexthops, CONFIG_LIST, "any", .check = check_nexthops),
    POLICYD(allow_loopback, CONFIG_YES_NO, "no"),
    POLICYD(recipient_delimiter, CONFIG_TEXT, "+", .may_be_empty = true,
        .check = check_delimiters),
    POLICYD(fold_local_part, CONFIG_YES_NO, "yes"),
    POLICYD(system_recipients, CONFIG_CHOICE, "old", "old|bucket"),
    POLICYD(hold_at, CONFIG_CHOICE, "queue", "queue|smtp"),
    POLICYD(hold_text, CONFIG_TEXT, "mailbox is being moved, try again later",
        .check = check_hold_text),
    POLICYD(routing, CONFIG_CHOICE, "transport", "transport|filter"),
    POLICYD(imap_follows, CONFIG_CHOICE, "pin", "pin|route"),
    POLICYD(backends_old, CONFIG_NETWORKS, ""),
    POLICYD(backends_new, CONFIG_NETWORKS, ""),
    POLICYD(snapshot, CONFIG_PATH, "/var/lib/postshift/policyd/snapshot"),
    POLICYD(override, CONFIG_PATH, "/etc/postshift/override"),
    POLICYD(log_routes, CONFIG_YES_NO, "no"),
    POLICYD(site, CONFIG_TEXT, "", .may_be_empty = true, .check = check_site),
};

/* A file that was emptied since it was checked names nobody, rather than everybody. */
static void
make_domains(struct serve_config *config)
{
    static const char *const nobody[] = {""};
    struct route_rules *rules = &config->route_rules;

    serve_domains_read(&config->domains, &config->domain_names);
    rules->domains = (const char *const *)config->domain_names.names;
    rules->domain_count = config->domain_names.count;
    if (rules->domain_count == 0 && config->domains.count > 0) {
        rules->domains = nobody;
        rules->domain_count = 1;
    }
}

static void
make_networks(const struct config_list *list, struct network_list *networks)
{
    networks->items = allocate_array(list->count, sizeof(*networks->items));
    for (size_t i = 0; i < list->count; i++) {
        if (network_parse(span_of(list->items[i]), &networks->items[networks->count]))
            networks->count++;
    }
}

static const char *
write_interface_address(const struct ifaddrs *interface, char *out, size_t size)
{
    const void *address = interface->ifa_addr;

    if (address == NULL)
        return NULL;
    if (interface->ifa_addr->sa_family == AF_INET)
        return inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, out,
            (socklen_t)size);
    if (interface->ifa_addr->sa_family == AF_INET6)
        return inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr,
            out, (socklen_t)size);
    return NULL;
}

/* A route to ourselves would be a loop. */
static void
gather_own_addresses(struct serve_config *config)
{
    struct domain_state_rules *rules = &config->state_rules;
    struct ifaddrs *interfaces = NULL;
    char text[INET6_ADDRSTRLEN];
    size_t count = 0;

    if (getifaddrs(&interfaces) != 0)
        interfaces = NULL;
    for (const struct ifaddrs *i = interfaces; i != NULL; i = i->ifa_next)
        count++;
    config->own_addresses = allocate_array(count, sizeof(*config->own_addresses));
    for (const struct ifaddrs *i = interfaces; i != NULL; i = i->ifa_next) {
        if (write_interface_address(i, text, sizeof(text)) != NULL)
            config->own_addresses[rules->own_address_count++] =
                allocate_text(span_of(text));
    }
    rules->own_addresses = (const char *const *)config->own_addresses;
    if (interfaces != NULL)
        freeifaddrs(interfaces);
}

/* An empty list allows nothing, while a count of 0 means the usual to domain_state_rules.
 */
static void
allow_only(const struct config_list *list, const char *const **items, size_t *count)
{
    static const char *const nothing[] = {""};

    *items = list->count == 0 ? nothing : list->items;
    *count = list->count == 0 ? 1 : list->count;
}

void
serve_config_make_ready(struct serve_config *config)
{
    struct domain_state_rules *rules = &config->state_rules;

    config->route_rules.recipient.delimiters = config->recipient_delimiter;
    config->route_rules.recipient.fold_local_part = config->fold_local_part;
    config->route_rules.system_recipients_on_old =
        config->system_recipients == SYSTEM_RECIPIENTS_OLD;
    make_domains(config);
    allow_only(&config->transports, &rules->transports, &rules->transport_count);
    allow_only(&config->nexthops, &rules->nexthops, &rules->nexthop_count);
    rules->allow_loopback = config->allow_loopback;
    rules->site = config->site;
    config->route_rules.site = config->site;
    gather_own_addresses(config);
    make_networks(&config->backends_old, &config->old_networks);
    make_networks(&config->backends_new, &config->new_networks);
}

size_t
serve_config_options(const char *section, struct config_option *out)
{
    static_assert(ARRAY_LENGTH(options) <= SERVE_OPTIONS_MAX, "room for the options");

    for (size_t i = 0; i < ARRAY_LENGTH(options); i++) {
        out[i] = options[i];
        if (span_starts(span_of(out[i].key), SPAN("redis_")))
            out[i].section = section;
    }
    return ARRAY_LENGTH(options);
}

struct serve_config *
serve_config_read(const char *file, bool must_exist, struct buffer *errors)
{
    struct serve_config *config = allocate(sizeof(*config));

    config->file = config_read_anyway(
        file, must_exist, options, ARRAY_LENGTH(options), config, errors);
    if (config->file != NULL)
        redis_config_finish(&config->redis, config->file, "policyd", errors);
    if (errors->length > 0) {
        serve_config_free(config);
        return NULL;
    }
    serve_config_make_ready(config);
    return config;
}

void
serve_config_clear(struct serve_config *config)
{
    redis_config_clear(&config->redis);
    for (size_t i = 0; i < config->state_rules.own_address_count; i++)
        free(config->own_addresses[i]);
    domain_list_clear(&config->domain_names);
    free(config->own_addresses);
    free(config->old_networks.items);
    free(config->new_networks.items);
}

void
serve_config_free(struct serve_config *config)
{
    if (config == NULL)
        return;
    serve_config_clear(config);
    config_free(config->file);
    free(config);
}

const char *
serve_config_warning(const struct serve_config *config)
{
    if (config_has(config->file, "policyd", "nexthops"))
        return NULL;
    return "[policyd] nexthops is not set: who writes Redis can send mail and logins "
           "anywhere";
}

bool
network_list_has(const struct network_list *networks, struct span address)
{
    for (size_t i = 0; i < networks->count; i++) {
        if (network_has(&networks->items[i], address))
            return true;
    }
    return false;
}

static bool
sentinels_equal(const struct config_list *left, const struct config_list *right)
{
    if (left->count != right->count)
        return false;
    for (size_t i = 0; i < left->count; i++) {
        if (strcmp(left->items[i], right->items[i]) != 0)
            return false;
    }
    return true;
}

struct replica_rules
serve_config_replica_rules(const struct serve_config *config)
{
    return (struct replica_rules){
        .recipient = config->route_rules.recipient,
        .state = config->state_rules,
        .domains = config->route_rules.domains,
        .domain_count = config->route_rules.domain_count,
    };
}

bool
serve_config_same_redis(const struct serve_config *old, const struct serve_config *new)
{
    const struct redis_config *left = &old->redis;
    const struct redis_config *right = &new->redis;

    return socket_address_equal(&left->address, &right->address) &&
           sentinels_equal(&left->sentinels, &right->sentinels) &&
           strcmp(left->options.username, right->options.username) == 0 &&
           strcmp(left->password, right->password) == 0 &&
           strcmp(left->primary, right->primary) == 0 &&
           strcmp(left->prefix, right->prefix) == 0 && !left->tls &&
           !right->tls && /* its files may have changed */
           left->database == right->database && left->timeout_ms == right->timeout_ms;
}

static void
add_key(struct buffer *keys, bool same, const char *key)
{
    if (!same)
        buffer_printf(keys, "%s%s", keys->length > 0 ? ", " : "", key);
}

void
serve_config_restart_keys(
    const struct serve_config *old, const struct serve_config *new, struct buffer *keys)
{
    add_key(keys, config_sockets_equal(&old->policy, &new->policy), "[policyd] policy");
    add_key(keys, config_sockets_equal(&old->route, &new->route), "[policyd] route");
    add_key(keys, config_sockets_equal(&old->dict, &new->dict), "[policyd] dict");
    add_key(
        keys, socket_address_equal(&old->metrics, &new->metrics), "[policyd] metrics");
    add_key(keys, strcmp(old->user, new->user) == 0, "[policyd] user");
    add_key(keys, strcmp(old->group, new->group) == 0, "[policyd] group");
    add_key(keys, strcmp(old->snapshot, new->snapshot) == 0, "[policyd] snapshot");
    add_key(keys, strcmp(old->override, new->override) == 0, "[policyd] override");
}
