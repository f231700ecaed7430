/*
 * ctl_fleet_audit - the audits of several gateways as one.
 *
 * Numbers are added up, lists stand one behind the other in the order of the gateways;
 * what is said is said with the gateway's name.  An answer that is no audit is refused.
 */
#ifndef POLICYD_CTL_CTL_FLEET_AUDIT_H
#define POLICYD_CTL_CTL_FLEET_AUDIT_H

#include "policyd/ctl/ctl_audit.h"
#include "policyd/ctl/ctl_fleet.h"

/* True: all have answered, and each balances.  `fleet` outlives the findings. */
bool ctl_fleet_audit(
    struct arena *arena, struct fleet *fleet, struct audit_findings *findings);

#endif
