/*
 * ctl_milters - asks the milters how they are, by their metrics addresses.
 */
#ifndef POLICYD_CTL_CTL_MILTERS_H
#define POLICYD_CTL_CTL_MILTERS_H

#include "policyd/ctl/ctl_health.h"

/* Adds what they complain of.  One that is silent may not be there: no finding. */
void ctl_milters_look(struct ctl_health *health, struct ctl *ctl);

#endif
