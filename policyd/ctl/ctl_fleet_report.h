/*
 * ctl_fleet_report - the reports of several gateways as one.
 *
 * Numbers are added up; a change of a weight that several saw is one, its attempts added
 * up; delays are those of the gateway where they are longest, since a percentile is no
 * sum; people who moved are those of the gateway that knows most of them, since mail of
 * one person may have come through each.  An answer that is no report is refused.
 */
#ifndef POLICYD_CTL_CTL_FLEET_REPORT_H
#define POLICYD_CTL_CTL_FLEET_REPORT_H

#include "policyd/ctl/ctl_fleet.h"
#include "policyd/terminal/report.h"

/* `before` may be NULL.  False: nobody gave one. */
bool ctl_fleet_report(struct arena *arena, struct fleet *fleet, struct report *report,
    struct report *before);

#endif
