/*
 * preflight_peers - who else is asked for the checks of DNS: name servers one by one,
 * MX hosts for their certificates, the web server of an MTA-STS policy.
 */
#ifndef POLICYD_PREFLIGHT_PREFLIGHT_PEERS_H
#define POLICYD_PREFLIGHT_PREFLIGHT_PEERS_H

#include "policyd/checks/check_dns.h"
#include "shared/dns/dns.h"

struct preflight_peers;

/* `lookup` finds the web server's addresses; `hello` is our name to MX hosts; `budget_ms`
 * of each of the three kinds.  What is answered lives as long as the peers; everything is
 * borrowed. */
struct preflight_peers *preflight_peers_new(const struct dns_config *config,
    const struct dns_lookup *lookup, const char *hello, uint64_t budget_ms);
void preflight_peers_free(struct preflight_peers *peers);

/* The checks ask them. */
void preflight_peers_join(struct preflight_peers *peers, struct check_dns *dns);

#endif
