/*
 * dns_lookup - what a DNS question may be answered with, and how a check asks one.
 *
 * A name is text of labels parted by dots, without a final dot; every other octet stands
 * for itself: there are no escapes, so blanks, backslashes and octets above 0x7f are
 * asked for as they are.  A check (SPF, DKIM, DMARC) asks through a struct dns_lookup:
 * the service behind it is shared/dns/dns, or a table in tests.
 *
 * Ask all that is known to be needed, then wait for each: they run at the same time.  A
 * question asked twice through one lookup is answered once.  Answers and what they point
 * to live as long as the lookup (a message).  Whoever is behind it keeps time: once the
 * message's time is used up, each wait gives DNS_TIMEOUT at once.
 */
#ifndef SHARED_DNS_DNS_LOOKUP_H
#define SHARED_DNS_DNS_LOOKUP_H

#include "shared/base/span.h"

enum dns_type {
    DNS_A = 1,
    DNS_NS = 2,
    DNS_SOA = 6,
    DNS_PTR = 12,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_TLSA = 52,
};

enum dns_status {
    DNS_OK,       /* at least one record */
    DNS_NODATA,   /* the name exists, but has no record of this type */
    DNS_NXDOMAIN, /* the name does not exist, nor any below it */
    DNS_SERVFAIL, /* or any other rcode: see there */
    DNS_REFUSED,
    DNS_TIMEOUT,
    DNS_BADNAME,   /* cannot be asked: an empty label, one over 63, a name over 253 octets
                    */
    DNS_MALFORMED, /* the answer makes no sense, or passes a ceiling */
    DNS_LOCAL,     /* no server to be reached, or a limit of ours: nothing was learnt */
};

enum {
    DNS_RECORDS_MAX = 1000,  /* in an answer; more is DNS_MALFORMED */
    DNS_QUESTIONS_MAX = 500, /* different ones through one lookup; more is DNS_LOCAL */
};

struct dns_record {
    unsigned char address[16]; /* A: the first 4 octets; AAAA: all */
    unsigned preference;       /* MX; SOA: the serial number */
    /* TXT: its strings joined, any octets; MX, NS, PTR: the name; SOA: that of the first
     * server; TLSA: all its octets, at least 4 */
    struct span text;
};

/*
 * CNAMEs are followed.  In MX, NS and PTR the root is the empty text, and a name that has
 * a dot inside a label is "." (which cannot be asked for and equals no name).
 */
struct dns_answer {
    enum dns_status status;
    unsigned rcode;    /* where a server answered */
    bool secure;       /* DNSSEC-validated by a resolver that we trust */
    uint32_t ttl;      /* seconds: least of the chain; 0 without records */
    struct span owner; /* where the CNAMEs ended; empty without an answer */
    const struct dns_record *records; /* in the order of the answer */
    size_t count;                     /* above 0 only with DNS_OK */
};

struct dns_question;

struct dns_lookup {
    void *context;
    struct dns_question *(*ask)(void *context, struct span name, enum dns_type type);
    const struct dns_answer *(*wait)(void *context, struct dns_question *question);
};

struct dns_question *dns_lookup_ask(
    const struct dns_lookup *lookup, struct span name, enum dns_type type);
const struct dns_answer *dns_lookup_wait(
    const struct dns_lookup *lookup, struct dns_question *question);

/* Both at once. */
const struct dns_answer *dns_lookup_one(
    const struct dns_lookup *lookup, struct span name, enum dns_type type);

/* Whether it may be otherwise later: all but OK, NODATA, NXDOMAIN and BADNAME. */
bool dns_status_is_temporary(enum dns_status status);

/* "ok", "nodata", "nxdomain", "servfail", ...: for logs and metrics. */
const char *dns_status_name(enum dns_status status);

#endif
