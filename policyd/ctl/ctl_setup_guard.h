/*
 * ctl_setup_guard - what stands against wiring Postfix to policyd now: it is silent, mail
 * would wait, or go elsewhere once it is asked.
 */
#ifndef POLICYD_CTL_CTL_SETUP_GUARD_H
#define POLICYD_CTL_CTL_SETUP_GUARD_H

#include "policyd/ctl/ctl.h"
#include "policyd/setup/setup_site.h"

/*
 * Looks what Postfix does with our domains, those of the file or else those that policyd
 * knows, and adds it to the site's facts.
 */
bool ctl_setup_look(struct ctl *ctl, struct setup_site *site, struct error *error);

/* False: refused, and said so.  `refusal` NULL: there is none. */
bool ctl_setup_pass(struct ctl *ctl, const char *refusal);

/* The same for what policyd answers at `route`, which Postfix is to ask. */
bool ctl_setup_guard(struct ctl *ctl, const struct socket_address *route);

#endif
