/*
 * unit_share - which part of a domain's units is on new, as things stand.  Pure.
 *
 * Counted over the members of the domain's list `known`.  Of more than UNIT_SHARE_SAMPLE
 * the first so many are looked at: they stand in the order of a keyed hash, so these are
 * any, and the share is right to about two hundredths.
 *
 * Limits: members that are no address (a department) are passed over.
 */
#ifndef POLICYD_ROUTING_UNIT_SHARE_H
#define POLICYD_ROUTING_UNIT_SHARE_H

#include "policyd/routing/route_decide.h"

enum { UNIT_SHARE_SAMPLE = 4000 };

/* 0..1; -1: not known, since the domain has no list `known`. */
double unit_share_on_new(const struct route_rules *rules, const struct replica *replica,
    struct span domain, int64_t now);

#endif
