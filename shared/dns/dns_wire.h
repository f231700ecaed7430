/*
 * dns_wire - a DNS question to its packet, a packet to its typed answer (RFC 1035).
 *
 * Pure: no socket, no clock, no randomness.  An answer counts only when it answers the
 * question that was asked; CNAMEs are followed by owner, in any order, at most 10;
 * records of other owners are ignored.
 */
#ifndef SHARED_DNS_DNS_WIRE_H
#define SHARED_DNS_DNS_WIRE_H

#include "shared/base/arena.h"
#include "shared/dns/dns_lookup.h"
#include "shared/dns/dns_name.h"

enum {
    DNS_WIRE_QUESTION_MAX = 288, /* octets of a question packet */
    DNS_WIRE_PAYLOAD = 1232,     /* octets by UDP that we say we take */
};

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

#endif
