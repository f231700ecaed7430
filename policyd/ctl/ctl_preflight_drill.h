/*
 * ctl_preflight_drill - preflight: what people did and said: a rollback that was tried,
 * how mail that starts inside finds its way; and what the books say to either.
 */
#ifndef POLICYD_CTL_CTL_PREFLIGHT_DRILL_H
#define POLICYD_CTL_CTL_PREFLIGHT_DRILL_H

#include "policyd/ctl/ctl_preflight.h"

void ctl_preflight_drill(struct ctl_preflight *preflight, struct check *check);
void ctl_preflight_inside(struct ctl_preflight *preflight, struct check *check);

#endif
