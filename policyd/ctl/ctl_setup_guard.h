/*
 * ctl_setup_guard - what stands against wiring Postfix to policyd now: it is silent, or
 * mail would wait or go elsewhere once it is asked.
 */
#ifndef POLICYD_CTL_CTL_SETUP_GUARD_H
#define POLICYD_CTL_CTL_SETUP_GUARD_H

#include "policyd/ctl/ctl.h"
#include "shared/service/socket_address.h"

/* `route` is what Postfix is to ask.  False: refused, and said so. */
bool ctl_setup_guard(struct ctl *ctl, const struct socket_address *route);

#endif
