/*
 * dns_name - a domain name as DNS has it: labels of any octets, with their lengths.
 *
 * The text of a name is its labels parted by dots, without a final dot; there are no
 * escapes and no presentation format.
 */
#ifndef SHARED_DNS_DNS_NAME_H
#define SHARED_DNS_DNS_NAME_H

#include "shared/base/arena.h"

enum {
    DNS_NAME_MAX = 255, /* octets: labels with their lengths, the final 0 */
    DNS_NAME_TEXT_MAX = 253,
    DNS_NAME_LABEL_MAX = 63,
    DNS_NAME_REVERSE_MAX = 80,
};

struct dns_name {
    unsigned char octets[DNS_NAME_MAX];
    size_t length; /* with the final 0 */
};

/* False for what no question can be asked of: see DNS_BADNAME. */
bool dns_name_parse(struct span text, struct dns_name *name);

/* Adds a label of 1 to 63 octets to a name that has no final 0 yet; false: too long. */
bool dns_name_add(struct dns_name *name, struct span label);

bool dns_name_equal(const struct dns_name *left, const struct dns_name *right);

/* Its text; "." for a name that has a dot inside a label, "" for the root. */
struct span dns_name_text(const struct dns_name *name, struct arena *arena);

/* The name of an address's PTR records: "4.3.2.1.in-addr.arpa".  `length` is 4 or 16. */
struct span dns_name_reverse(
    const unsigned char *address, size_t length, char out[DNS_NAME_REVERSE_MAX]);

#endif
