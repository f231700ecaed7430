/*
 * ctl_setup - what other verbs want to know of the wiring into Postfix.
 */
#ifndef POLICYD_CTL_CTL_SETUP_H
#define POLICYD_CTL_CTL_SETUP_H

#include "policyd/ctl/ctl.h"

/*
 * Says so where transport_maps of main.cf is no longer what stands behind ours.  Silent
 * where this machine's Postfix is not wired, or there is none.
 */
void ctl_setup_tell_change(struct ctl *ctl);

#endif
