/*
 * network - is this address in that network?
 *
 * Written as "192.0.2.0/24", "192.0.2.1", "2001:db8::/32" or, as Postfix has it,
 * "[2001:db8::]/32".  Octets of the address behind the prefix count for nothing.
 */
#ifndef SHARED_BASE_NETWORK_H
#define SHARED_BASE_NETWORK_H

#include "shared/base/span.h"

struct network {
    unsigned char address[16]; /* IPv4 as v4-mapped IPv6 */
    unsigned bits;             /* 0..128 */
};

bool network_parse(struct span text, struct network *network);

/* False as well where `address` is none (an address without brackets or prefix). */
bool network_has(const struct network *network, struct span address);

#endif
