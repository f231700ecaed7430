/*
 * bucket - a unit's stable place in 0..9999.
 *
 * floor(U * 10000 / 2^64), U the first 8 octets, big endian, of SHA-256(domain || 0x00 ||
 * unit).  Anyone can compute it; there is no salt.  A unit is on new when its bucket is
 * below the weight in hundredths of a percent.
 */
#ifndef POLICYD_ROUTING_BUCKET_H
#define POLICYD_ROUTING_BUCKET_H

#include "shared/base/span.h"

unsigned bucket_of(struct span domain, struct span unit);

#endif
