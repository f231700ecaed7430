/*
 * dkim_length - how long a body is in each canonical form (RFC 6376 sections 3.4.3 and
 * 3.4.4).
 *
 * libopendkim does not tell whether text follows the part that l= covers, so it is
 * counted here, as the body comes by.  Chunks may be split anywhere.
 */
#ifndef MILTERS_DKIM_DKIM_LENGTH_H
#define MILTERS_DKIM_DKIM_LENGTH_H

#include "milters/dkim/dkim_signature.h"

/* One form; a struct of zeroes is an empty body. */
struct dkim_length_form {
    uint64_t length;      /* of what is sure to count */
    uint64_t empty_lines; /* seen since; they count when something follows */
    bool in_line;         /* the line has something in it */
    bool blank;           /* relaxed: white space that counts when something follows */
};

struct dkim_length {
    struct dkim_length_form forms[2]; /* by enum dkim_form */
    bool cr;                          /* the last octet was one */
};

void dkim_length_feed(struct dkim_length *length, struct span chunk);

/* All octets of the canonical body, a missing line end at the end of it included. */
uint64_t dkim_length_total(const struct dkim_length *length, enum dkim_form form);

#endif
