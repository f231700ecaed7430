/*
 * ctl_init_look - what is on this host already that a new site's file should say.
 */
#ifndef POLICYD_CTL_CTL_INIT_LOOK_H
#define POLICYD_CTL_CTL_INIT_LOOK_H

#include "policyd/ctl/ctl.h"
#include "policyd/terminal/init_text.h"

/* Says a line for each thing, found or not, and fills in what differs from the defaults.
 * `text` has its domain. */
void ctl_init_look(struct ctl *ctl, struct init_text *text);

#endif
