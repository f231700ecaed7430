/*
 * ctl_setup - what other verbs want to know of the wiring into Postfix.
 */
#ifndef POLICYD_CTL_CTL_SETUP_H
#define POLICYD_CTL_CTL_SETUP_H

#include "policyd/ctl/ctl.h"
#include "policyd/setup/setup_site.h"

/*
 * What --apply would do; `site` has what it was made from.  Where this Postfix can't be
 * wired *refusal says why, and the plan is that of --remove.  False: there is no Postfix
 * to be looked at.
 */
bool ctl_setup_gather(struct ctl *ctl, struct setup_site *site, struct setup_plan *plan,
    const char **refusal, struct error *error);

/* This verb as it would be typed for the same Postfix, with an option. */
const char *ctl_setup_command(struct ctl *ctl, const char *option);

#endif
