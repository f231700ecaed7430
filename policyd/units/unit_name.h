/*
 * unit_name - which of its addresses a unit is called by.
 *
 * The bucket of a unit follows from its name, so names decide who moves when.  A unit
 * that has a name keeps it.  Where people are on new already, a name that moves the
 * fewest of them counts first; then the name with which, at every whole weight, the share
 * of addresses on new comes nearest to that weight.  (By chance alone 20,000 addresses in
 * units of 8 to 50 would stand up to four points beside the weight.)
 */
#ifndef POLICYD_UNITS_UNIT_NAME_H
#define POLICYD_UNITS_UNIT_NAME_H

#include <stdbool.h>
#include <stddef.h>

struct unit_member {
    unsigned bucket; /* as a unit of its own, 0..9999 */
    unsigned now;    /* of the unit that it is in today; UNIT_NAME_UNKNOWN: none */
    size_t unit;     /* which unit that is, from 1; 0: it is its own */
};

/* Members first..first+count-1 of an array are one unit. */
struct unit_range {
    size_t first;
    size_t count;
    size_t name;     /* out: the member that gives it its name: its own, or, */
    bool keeps_unit; /* out: that of the unit that it is in today */
};

enum { UNIT_NAME_UNKNOWN = 10000 }; /* `now` of what has no bucket: any name will do */

/* `weight` in hundredths of a percent; units of today count to `units`.  All ranges are
 * of one domain. */
void unit_name_choose(const struct unit_member *members, struct unit_range *ranges,
    size_t count, size_t units, unsigned weight);

#endif
