/*
 * ctl_leave - who would be sent elsewhere if policyd had no more say: people on new, on
 * standby or on hold, whose mail the site's own maps know nothing of.
 */
#ifndef POLICYD_CTL_CTL_LEAVE_H
#define POLICYD_CTL_CTL_LEAVE_H

#include "policyd/ctl/ctl.h"
#include "policyd/ctl/ctl_json.h"

/* Why some people of a domain of /status.json are not where the site would send them, or
 * NULL: "weight 30". */
const char *ctl_leave_reason(struct ctl *ctl, const struct ctl_json *domain);

/* False: refused, and said so.  `what` is what is about to be done. */
bool ctl_leave_guard(struct ctl *ctl, const char *what);

/* A pin that keeps somebody from where the site's own maps would send her. */
bool ctl_leave_pin_counts(struct span value);

/* False: refused on account of these people (NULL: there are none), and said so. */
bool ctl_leave_pass(struct ctl *ctl, const char *what, const char *people);

#endif
