/*
 * ctl_gateways - what the controllers of all gateways say of themselves in Redis.
 */
#ifndef POLICYD_CTL_CTL_GATEWAYS_H
#define POLICYD_CTL_CTL_GATEWAYS_H

#include "policyd/ctl/ctl.h"
#include "policyd/gateways/gateway_row.h"

enum { CTL_GATEWAYS_MAX = 1000 };

/* In the order of their names, in the arena; more than CTL_GATEWAYS_MAX are left out. */
bool ctl_gateways_read(
    struct ctl *ctl, struct gateway_row **rows, size_t *count, struct error *error);

/* Those that are silent are named on standard error, as the controller here has it, with
 * what waited there: what they carried is in no sum. */
void ctl_gateways_warn(struct ctl *ctl);

/* status --gateways; gives the exit code. */
int ctl_gateways_run(struct ctl *ctl);

#endif
