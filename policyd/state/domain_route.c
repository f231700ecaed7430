#include "policyd/state/domain_route.h"

#include "shared/base/attributes.h"
#include "shared/base/domain.h"
#include "shared/base/network.h"
#include "shared/base/number.h"

enum {
    SOCKET_PATH_MAX = 107, /* sun_path, its terminator left out */
};

static const char *const usual_transports[] = {"cutover-old", "cutover-new",
    "cutover-standby", "cutover-old-lmtp", "cutover-new-lmtp", "cutover-standby-lmtp"};

static const struct span unix_prefix = {"unix:", 5};

static bool
is_address(struct span text)
{
    static const struct network everything = {.bits = 0};

    return network_has(&everything, text);
}

/*
 * Whether the resolver would read a name as a number: inet_aton(3) takes "127.1", "0" and
 * "0x7f000001" for addresses.
 */
static bool
ends_in_number(struct span name)
{
    size_t dot = span_find_last(name, '.');
    struct span label = dot == SPAN_NONE ? name : span_from(name, dot + 1);
    static const struct span hexadecimal = {"0x", 2};

    if (span_starts_nocase(label, hexadecimal))
        return true;
    for (size_t i = 0; i < label.length; i++) {
        if (label.data[i] < '0' || label.data[i] > '9')
            return false;
    }
    return true;
}

static bool
is_host(struct span text)
{
    return is_address(text) || (domain_is_valid(text) && !ends_in_number(text));
}

static bool
is_socket_path(struct span path)
{
    return path.length > 0 && path.length <= SOCKET_PATH_MAX &&
           span_find(path, ' ') == SPAN_NONE && span_find(path, ',') == SPAN_NONE;
}

/* Names without case; addresses in all their spellings, also against networks. */
static bool
matches(struct span host, struct span entry)
{
    struct network network;

    if (network_parse(entry, &network))
        return network_has(&network, host);
    return span_equal_nocase(host, entry);
}

static bool
matches_one(struct span host, const char *const *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (matches(host, span_of(entries[i])))
            return true;
    }
    return false;
}

static bool
is_loopback(struct span host)
{
    /* "This network" (0.0.0.0) reaches the own host, and so do IPv4-compatible forms. */
    static const char *const entries[] = {"127.0.0.0/8", "0.0.0.0/8", "::/96",
        "localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost",
        "ip6-loopback"};

    return matches_one(host, entries, ARRAY_LENGTH(entries)) ||
           domain_is_below(host, SPAN("localhost"));
}

/* `what` is a host, or `unix:path`. */
static bool
is_allowed_nexthop(struct span what, const struct domain_state_rules *rules)
{
    static const char *const any = "any";

    if (rules->nexthop_count == 0)
        return true;
    for (size_t i = 0; i < rules->nexthop_count; i++) {
        if (span_is(span_of(rules->nexthops[i]), any))
            return true;
    }
    return matches_one(what, rules->nexthops, rules->nexthop_count);
}

static bool
check_transport(
    struct span transport, const struct domain_state_rules *rules, struct error *error)
{
    bool usual = rules->transport_count == 0;
    const char *const *names = usual ? usual_transports : rules->transports;
    size_t count = usual ? ARRAY_LENGTH(usual_transports) : rules->transport_count;

    for (size_t i = 0; i < count; i++) {
        if (span_is(transport, names[i]))
            return true;
    }
    if (names[0][0] == '\0')
        return error_permanent(error, "[policyd] transports allows none");
    return error_permanent(
        error, "the transport is one of [policyd] transports, such as %s", names[0]);
}

static bool
check_host(struct span host, const struct domain_state_rules *rules, struct error *error)
{
    if (!rules->allow_loopback && is_loopback(host))
        return error_permanent(
            error, "loopback would come back to us ([policyd] allow_loopback = no)");
    if (!rules->allow_loopback &&
        matches_one(host, rules->own_addresses, rules->own_address_count))
        return error_permanent(error, "this host's own address would come back to us "
                                      "([policyd] allow_loopback = no)");
    if (!is_allowed_nexthop(host, rules))
        return error_permanent(error, "the host is not in [policyd] nexthops");
    return true;
}

/* Takes `[host]:port` from the front of `rest`. */
static bool
take_host(struct span *rest, struct span *host, unsigned *host_port)
{
    static const struct span prefix = {"ipv6:", 5};
    size_t end = span_find(*rest, ']');
    struct span inside;
    struct span port;
    uint64_t number;

    if (end == SPAN_NONE || rest->data[0] != '[')
        return false;
    inside = span_from(span_first(*rest, end), 1);
    *rest = span_from(*rest, end + 1);
    if (rest->length == 0 || rest->data[0] != ':')
        return false;
    *rest = span_from(*rest, 1);
    port = span_first(*rest, 0);
    while (port.length < rest->length && rest->data[port.length] != ',' &&
           rest->data[port.length] != ' ')
        port.length++;
    *rest = span_from(*rest, port.length);
    if (!number_unsigned(port, UINT16_MAX, &number) || number == 0)
        return false;
    if (span_starts_nocase(inside, prefix)) {
        inside = span_from(inside, prefix.length);
        if (span_find(inside, ':') == SPAN_NONE)
            return false;
    }
    *host = inside;
    *host_port = (unsigned)number;
    return is_host(inside);
}

/* Blanks around at most one comma; at least one octet, and another host behind it. */
static bool
take_separator(struct span *rest)
{
    size_t commas = 0;
    size_t length = 0;

    while (length < rest->length &&
           (rest->data[length] == ' ' || rest->data[length] == ',')) {
        commas += rest->data[length] == ',';
        length++;
    }
    *rest = span_from(*rest, length);
    return length > 0 && commas <= 1 && rest->length > 0;
}

static bool
read_hosts(struct span rest, struct domain_route *route, struct error *error)
{
    while (route->count < DOMAIN_ROUTE_HOSTS_MAX) {
        if (rest.length == 0 || !take_host(&rest, &route->hosts[route->count].host,
                                    &route->hosts[route->count].port))
            return error_permanent(
                error, "a nexthop is [host]:port, a list of those, or unix:path");
        route->count++;
        if (rest.length == 0)
            return true;
        if (!take_separator(&rest))
            return error_permanent(error, "hosts are parted by a comma or blanks");
    }
    return error_permanent(
        error, "a nexthop names at most %d hosts", DOMAIN_ROUTE_HOSTS_MAX);
}

static bool
read_socket(struct span path, struct domain_route *route, struct error *error)
{
    if (!span_ends(route->transport, SPAN("-lmtp")))
        return error_permanent(error, "unix: goes with a transport that ends in -lmtp");
    if (!is_socket_path(path))
        return error_permanent(error,
            "a socket's path has 1 to %d octets, no blank and no comma", SOCKET_PATH_MAX);
    route->socket = path;
    return true;
}

bool
domain_route_read(struct span text, struct domain_route *route, struct error *error)
{
    size_t colon = span_find(text, ':');
    struct span nexthop;

    *route = (struct domain_route){.transport = span_first(text, colon)};
    if (span_has_control(text) || !span_is_ascii(text))
        return error_permanent(error, "a route is printable ASCII");
    if (colon == SPAN_NONE)
        return error_permanent(error, "a route is transport:nexthop");
    route->is_lmtp =
        span_is(route->transport, "lmtp") || span_ends(route->transport, SPAN("-lmtp"));
    nexthop = span_from(text, colon + 1);
    return span_starts(nexthop, unix_prefix)
               ? read_socket(span_from(nexthop, unix_prefix.length), route, error)
               : read_hosts(nexthop, route, error);
}

bool
domain_route_check(
    struct span text, const struct domain_state_rules *rules, struct error *error)
{
    struct domain_route route;
    struct error unread = {.text = ""};
    bool is_read = domain_route_read(text, &route, &unread);

    /* The transport is looked at first: what stands behind it depends on it. */
    if (route.transport.length < text.length && !span_has_control(text) &&
        span_is_ascii(text) && !check_transport(route.transport, rules, error))
        return false;
    if (!is_read)
        return error_permanent(error, "%s", unread.text);
    if (route.count == 0 &&
        !is_allowed_nexthop(span_from(text, route.transport.length + 1), rules))
        return error_permanent(error, "the socket is not in [policyd] nexthops");
    for (size_t i = 0; i < route.count; i++) {
        if (!check_host(route.hosts[i].host, rules, error))
            return false;
    }
    return true;
}

/* host, host:port, [IPv6] or [IPv6]:port. */
bool
domain_route_split_login(struct span address, struct span *host, unsigned *port)
{
    struct span rest = span_make(NULL, 0);
    size_t end = span_find(address, ':');
    uint64_t number = 0;

    if (address.length > 0 && address.data[0] == '[') {
        end = span_find(address, ']');
        *host = end == SPAN_NONE ? address : span_from(span_first(address, end), 1);
        if (span_find(*host, ':') == SPAN_NONE)
            return false;
        rest = span_from(address, end + 1);
    } else {
        *host = end == SPAN_NONE ? address : span_first(address, end);
        rest = end == SPAN_NONE ? rest : span_from(address, end);
    }
    if (rest.length > 0 &&
        (rest.data[0] != ':' ||
            !number_unsigned(span_from(rest, 1), UINT16_MAX, &number) || number == 0))
        return false;
    *port = (unsigned)number;
    return is_host(*host);
}

bool
domain_route_check_login(
    struct span address, const struct domain_state_rules *rules, struct error *error)
{
    struct span host;
    unsigned port;

    if (!domain_route_split_login(address, &host, &port))
        return error_permanent(
            error, "a login goes to host, host:port, [IPv6] or [IPv6]:port");
    if (!is_allowed_nexthop(host, rules))
        return error_permanent(error, "the host is not in [policyd] nexthops");
    return true;
}

bool
domain_route_is_nexthop(struct span text)
{
    struct network network;

    if (span_has_control(text) || !span_is_ascii(text))
        return false;
    if (span_starts(text, unix_prefix))
        return is_socket_path(span_from(text, unix_prefix.length));
    return network_parse(text, &network) || is_host(text);
}
