/*
 * ctl_verify - events verify: whether the stream of events is what was written to it, by
 * its chain, its head, the copies in the books of this gateway and a head that somebody
 * wrote down.
 */
#ifndef POLICYD_CTL_CTL_VERIFY_H
#define POLICYD_CTL_CTL_VERIFY_H

#include "policyd/ctl/ctl.h"

int ctl_verify_run(struct ctl *ctl);

#endif
