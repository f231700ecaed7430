/*
 * ctl_postconf - what a program of Postfix prints, and what a parameter of main.cf is.
 */
#ifndef POLICYD_CTL_CTL_POSTCONF_H
#define POLICYD_CTL_CTL_POSTCONF_H

#include "policyd/ctl/ctl.h"

/* What `program OPTION NAME` prints, by [ctl] postfix or --directory; NULL: *fault says
 * why it does not. */
const char *ctl_postfix_ask(struct ctl *ctl, const char *program, const char *option,
    const char *name, const char **fault);

/* The value with its $names expanded; NULL: *fault says why it can't be told. */
const char *ctl_postconf(struct ctl *ctl, const char *name, const char **fault);

#endif
