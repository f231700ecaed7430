/*
 * dkim_key - DKIM key records (RFC 6376 section 3.6.1, RFC 8463), strictly, and what
 * libopendkim may see of them.
 *
 * libopendkim cuts records at 1,024 octets, knows no PKCS #1, doesn't tell the key's type
 * from the signature's algorithm, and takes what it does not understand for a key.  So it
 * gets a record written by us, with nothing but the key in it, and everything else is
 * decided here.
 */
#ifndef SHARED_RECORDS_DKIM_KEY_H
#define SHARED_RECORDS_DKIM_KEY_H

#include "shared/dns/dns_lookup.h"

enum {
    DKIM_KEY_TEXT_MAX = 4096,   /* octets of a record */
    DKIM_KEY_RECORD_MAX = 1023, /* octets of what we write */
    DKIM_KEY_BITS_MIN = 1024,   /* RFC 8301 */
    DKIM_KEY_BITS_MAX = 4096,
};

enum dkim_key_type { DKIM_KEY_RSA, DKIM_KEY_ED25519 };

struct dkim_key {
    enum dkim_key_type type;
    unsigned bits;                        /* RSA: of the modulus */
    bool revoked;                         /* p= is empty; nothing below counts */
    bool for_mail;                        /* s= */
    bool for_sha256;                      /* h= */
    bool testing;                         /* t=y */
    bool same_domain;                     /* t=s: i= may not be a sub-domain of d= */
    char record[DKIM_KEY_RECORD_MAX + 1]; /* for libopendkim; "" above 4,096 bits */
};

/* False with what is wrong, in words of ours. */
bool dkim_key_parse(struct span text, struct dkim_key *key, const char **wrong);

/*
 * The key among the TXT records of one name: the only one that parses.  What other
 * records say (a wildcard's SPF) counts for nothing, two keys are none.
 */
bool dkim_key_choose(const struct dns_record *records, size_t count, struct dkim_key *key,
    const char **wrong);

#endif
