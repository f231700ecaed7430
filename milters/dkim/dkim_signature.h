/*
 * dkim_signature - the value of a DKIM-Signature field to what it says, or to why it
 * can't count (RFC 6376 sections 3.5 and 6.1.1, RFC 8301, RFC 8463), strictly.
 *
 * Nothing reaches libopendkim that was not understood here.  What can be decided without
 * a key is decided here: syntax, algorithm, time.  What is shown in headers is safe to
 * show: domain and selector are host names in lower case, the identity is a plain
 * mailbox, and where they are not so they are empty.
 *
 * Limits: what libopendkim gets wrong for certain is not given to it and is `neutral`:
 * d= or s= as U-labels (RFC 8616); and, is_misread (see dkim_own_check), white space
 * between "b" and "=", another tag whose name ends in "b", more than 4,095 octets of h=,
 * two at signs in i=.
 */
#ifndef MILTERS_DKIM_DKIM_SIGNATURE_H
#define MILTERS_DKIM_DKIM_SIGNATURE_H

#include "milters/message/auth_result.h"
#include "shared/base/arena.h"
#include "shared/records/tag_list.h"

enum {
    DKIM_SIGNATURE_MAX = 16384,        /* octets of the value */
    DKIM_NAMES_MAX = 500,              /* in h= */
    DKIM_CLOCK_DRIFT = 300,            /* seconds that t= and x= may be off */
    DKIM_EARLY_MAX = 20 * 365 * 86400, /* seconds: a later t= is no time any more */
};

enum dkim_algorithm { DKIM_RSA_SHA256, DKIM_ED25519_SHA256 };
enum dkim_form { DKIM_SIMPLE, DKIM_RELAXED };

struct dkim_signature {
    enum auth_result result; /* AUTH_NONE: needs verification; else decided (is_early) */
    const char *reason;      /* why, in words of ours; NULL with AUTH_NONE */
    bool sound; /* all tags are harmless to libopendkim, whatever the result */

    const char *domain;         /* d=, A-label, lower case; "" where it is none */
    const char *selector;       /* s=, likewise */
    const char *identity;       /* i= decoded, to be shown; "" where it isn't fit to */
    const char *algorithm_name; /* a= in lower case; "" where it is unknown */
    struct span signature;      /* b= without white space */

    enum dkim_algorithm algorithm;
    enum dkim_form header_form;
    enum dkim_form body_form;
    bool has_length;
    uint64_t length; /* l= */
    bool has_time;
    uint64_t signed_at;    /* t= */
    bool is_early;         /* t= is in the future: told, and verified all the same */
    bool is_misread;       /* neutral for what libopendkim gets wrong, else sound */
    bool has_verified;     /* one of these two has passed: it counts for DMARC */
    bool is_sub_domain;    /* i= is a sub-domain of d= */
    bool has_two_at_signs; /* in i= */
    struct span names;     /* h= without white space: names parted by colons */
};

/* `now` is unix time.  Spans and texts live in the arena. */
void dkim_signature_parse(struct span value, int64_t now, struct arena *arena,
    struct dkim_signature *signature);

/* How often h= names a field, case aside. */
size_t dkim_signature_names(const struct dkim_signature *signature, struct span name);

#endif
