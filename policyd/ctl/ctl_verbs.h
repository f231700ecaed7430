/*
 * ctl_verbs - what each verb does; gives the exit code.  The files are named after the
 * first word of each group.
 */
#ifndef POLICYD_CTL_CTL_VERBS_H
#define POLICYD_CTL_CTL_VERBS_H

#include "policyd/ctl/ctl.h"

int ctl_setup_run(struct ctl *ctl);

#endif
