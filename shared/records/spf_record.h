/*
 * spf_record - an SPF record's text to its terms (RFC 7208 sections 4.5, 4.6, 12).
 *
 * Pure.  The whole record is checked at once, as 4.6 wants it: an error anywhere is an
 * error before any term counts.  Terms are then taken one after the other; nothing is
 * copied, the text outlives the record.
 */
#ifndef SHARED_RECORDS_SPF_RECORD_H
#define SHARED_RECORDS_SPF_RECORD_H

#include "shared/dns/dns_lookup.h"

enum spf_mechanism {
    SPF_ALL,
    SPF_INCLUDE,
    SPF_A,
    SPF_MX,
    SPF_PTR,
    SPF_IP4,
    SPF_IP6,
    SPF_EXISTS,
};

struct spf_term {
    enum spf_mechanism mechanism;
    char qualifier;            /* '+', '-', '~' or '?' */
    struct span domain;        /* domain-spec, sound; empty: the current domain */
    unsigned char address[16]; /* ip4: the first 4 */
    unsigned prefix4;          /* a, mx, ip4; 32 where it says nothing */
    unsigned prefix6;          /* a, mx, ip6; 128 */
};

struct spf_record {
    struct span terms;    /* for spf_record_next */
    struct span redirect; /* domain-spec; empty: none */
    struct span exp;      /* domain-spec; empty: none */
    bool has_all;
};

/* The record among a name's TXT: 0, 1 (then `text` is it) or 2, which is too many. */
unsigned spf_record_select(const struct dns_answer *answer, struct span *text);

/* False with what is wrong, a static text. */
bool spf_record_parse(struct span text, struct spf_record *record, const char **problem);

/* The next mechanism in `terms` (a copy of a parsed record's); false when none is left.
 */
bool spf_record_next(struct span *terms, struct spf_term *term);

#endif
