/*
 * ctl_ack - events ack: somebody has seen a rollback or a freeze, so that it is not told
 * once more.
 */
#ifndef POLICYD_CTL_CTL_ACK_H
#define POLICYD_CTL_CTL_ACK_H

#include "policyd/ctl/ctl.h"

int ctl_ack_run(struct ctl *ctl);

#endif
