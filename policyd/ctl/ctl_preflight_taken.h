/*
 * ctl_preflight_taken - whom new has taken already, so that a run that was cut short goes
 * on where it was: the sorted set movers:DOMAIN:PLACE, address by unix time, for twelve
 * hours.
 *
 * Written with --save alone; what can't be read is asked again.
 */
#ifndef POLICYD_CTL_CTL_PREFLIGHT_TAKEN_H
#define POLICYD_CTL_CTL_PREFLIGHT_TAKEN_H

#include "policyd/checks/check_talk.h"
#include "policyd/ctl/ctl_preflight.h"

/* Puts those that new took within the time first; gives how many. */
size_t ctl_preflight_taken_find(struct ctl_preflight *preflight, const char *place,
    struct check_mover *movers, size_t count);

/* Those of them that it takes. */
void ctl_preflight_taken_keep(struct ctl_preflight *preflight, const char *place,
    const struct check_mover *movers, size_t count);

#endif
