/*
 * dns_wire - a DNS question to its packet, a packet to its typed answer (RFC 1035).
 *
 * Pure: no socket, no clock, no randomness.  Names are built from their octets, never
 * through a presentation format.  An answer counts only when it answers the question
 * that was asked; CNAMEs are followed by owner, in any order, at most 10; records of
 * other owners are ignored.
 */
#ifndef SHARED_BASE_DNS_WIRE_H
#define SHARED_BASE_DNS_WIRE_H

#include "shared/base/arena.h"
#include "shared/base/dns_lookup.h"

enum {
    DNS_WIRE_NAME_MAX =
        255, /* octets of a name: labels with their lengths, the final 0 */
    DNS_WIRE_TEXT_MAX = 253,     /* octets of its text */
    DNS_WIRE_QUESTION_MAX = 288, /* octets of a question packet */
    DNS_WIRE_PAYLOAD = 1232,     /* octets by UDP that we say we take */
};

struct dns_name {
    unsigned char octets[DNS_WIRE_NAME_MAX];
    size_t length; /* with the final 0 */
};

/* False for what no question can be asked of: see DNS_BADNAME. */
bool dns_wire_name(struct span text, struct dns_name *name);

bool dns_wire_name_equal(const struct dns_name *left, const struct dns_name *right);

/* The packet: RD and AD set, an OPT record last.  Gives its length. */
size_t dns_wire_question(unsigned char packet[DNS_WIRE_QUESTION_MAX], uint16_t id,
    const struct dns_name *name, enum dns_type type);

/*
 * Reads the answer to that question.  Always fills `answer`; `secure` is the packet's AD
 * bit, for the caller to confirm.  What the answer points to is taken from the arena, at
 * most DNS_WIRE_ANSWER_MAX octets.
 */
enum { DNS_WIRE_ANSWER_MAX = 512 << 10 };
void dns_wire_answer(struct span packet, const struct dns_name *name, enum dns_type type,
    struct arena *arena, struct dns_answer *answer);

/* Whether a packet has an OPT record: a server that leaves it out knows no EDNS. */
bool dns_wire_has_edns(struct span packet);

/* The name for addresses' PTR records: "4.3.2.1.in-addr.arpa".  `length` is 4 or 16. */
enum { DNS_WIRE_REVERSE_MAX = 80 };
struct span dns_wire_reverse(
    const unsigned char *address, size_t length, char out[DNS_WIRE_REVERSE_MAX]);

#endif
