/*
 * domain_route - may mail go there?  `transport:nexthop` against what the file allows.
 *
 * The transport is one of the allowed ones.  The nexthop is `[host]:port`, up to 16 of
 * those parted by commas and/or blanks, or `unix:path` (only with a transport that ends
 * in -lmtp).  A host is a name, an IPv4 or an IPv6 address (`[::1]`, `[ipv6:::1]`); names
 * that resolvers read as numbers (127.1, 0x7f000001) are refused.  Text is compared,
 * nothing is resolved.  Loopback, the unspecified address and own addresses are refused
 * unless they are allowed, since mail sent there comes back to us.
 */
#ifndef POLICYD_STATE_DOMAIN_ROUTE_H
#define POLICYD_STATE_DOMAIN_ROUTE_H

#include "shared/base/error.h"
#include "shared/base/span.h"

struct domain_state_rules {
    /* Count 0: the six cutover-* services.  An empty text, here and below, names nothing.
     */
    const char *const *transports;
    size_t transport_count;
    /* Host names, addresses, networks, `unix:path`; count 0, or an entry `any`: any. */
    const char *const *nexthops;
    size_t nexthop_count;
    bool allow_loopback;
    /* This gateway's: `old@SITE` goes before `old` here, and so on.  NULL or "": none. */
    const char *site;
    /* Refused like loopback: addresses, networks or host names. */
    const char *const *own_addresses;
    size_t own_address_count;
};

/* One route alone, as `postshiftctl set` checks it before writing. */
bool domain_route_check(
    struct span route, const struct domain_state_rules *rules, struct error *error);

enum { DOMAIN_ROUTE_HOSTS_MAX = 16 };

/* What a route names, in its order; spans into it. */
struct domain_route {
    struct span transport;
    bool is_lmtp;       /* the transport is lmtp, or ends in -lmtp */
    struct span socket; /* of unix:path; "": hosts */
    struct {
        struct span host; /* a name or an address, without brackets */
        unsigned port;
    } hosts[DOMAIN_ROUTE_HOSTS_MAX];
    size_t count;
};

/* False: it is none (as domain_route_check, but for what the file allows). */
bool domain_route_read(struct span text, struct domain_route *route, struct error *error);

/* host, host:port, [IPv6] or [IPv6]:port; *port is 0 where there is none. */
bool domain_route_split_login(struct span address, struct span *host, unsigned *port);

/*
 * Where logins are sent.  Passwords go there, so `nexthops`
 * counts for it as well; loopback does not matter.
 */
bool domain_route_check_login(
    struct span address, const struct domain_state_rules *rules, struct error *error);

/* Whether it can stand in `nexthops`. */
bool domain_route_is_nexthop(struct span text);

#endif
