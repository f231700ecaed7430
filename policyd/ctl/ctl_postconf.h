/*
 * ctl_postconf - what a parameter of main.cf is, as Postfix says it.
 */
#ifndef POLICYD_CTL_CTL_POSTCONF_H
#define POLICYD_CTL_CTL_POSTCONF_H

#include "policyd/ctl/ctl.h"

/* The value with its $names expanded; NULL: *fault says why it can't be told. */
const char *ctl_postconf(struct ctl *ctl, const char *name, const char **fault);

#endif
