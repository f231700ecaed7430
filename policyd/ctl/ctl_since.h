/*
 * ctl_since - since when a domain's weight has been 100, by the events, else by its plan.
 */
#ifndef POLICYD_CTL_CTL_SINCE_H
#define POLICYD_CTL_CTL_SINCE_H

#include "policyd/ctl/ctl_plan.h"

/* *since is a unix time, 0 where nobody knows; where the events reach no further back it
 * is the time of the oldest.  False: Redis can't be asked. */
bool ctl_since_all_on_new(struct ctl *ctl, const char *domain,
    const struct plan_record *plan, int64_t *since, struct error *error);

#endif
