/*
 * preflight_dns - the checks of DNS, asked of the resolver within a time.
 */
#ifndef POLICYD_PREFLIGHT_PREFLIGHT_DNS_H
#define POLICYD_PREFLIGHT_PREFLIGHT_DNS_H

#include "policyd/checks/check_dns.h"
#include "shared/dns/dns.h"

struct preflight_dns;

/* `budget_ms`: of all that is asked until it is freed.  NULL: no server can be asked. */
struct preflight_dns *preflight_dns_new(
    const struct dns_config *config, uint64_t budget_ms, struct error *error);
void preflight_dns_free(struct preflight_dns *dns);

/* What is asked next has so long at most. */
void preflight_dns_limit(struct preflight_dns *dns, uint64_t most_ms);

/* Answers live as long as `dns`. */
const struct dns_lookup *preflight_dns_lookup(const struct preflight_dns *dns);

#endif
