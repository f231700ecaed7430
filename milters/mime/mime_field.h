/*
 * mime_field - what Content-Type and Content-Transfer-Encoding say of a part, in every
 * way that mail programs read them.  Pure.
 *
 * The grammar is RFC 2045's, and what most mailers write besides (boundaries with
 * tspecials and no quotes, blanks around "=").  What it does not have, and what programs
 * are known to read differently, adds the other reading and says why: the caller reads
 * the part in each way and knows that it is ambiguous.  A value that only a leaf can
 * have, however odd, is no matter: leaves are known by their octets.
 */
#ifndef MILTERS_MIME_MIME_FIELD_H
#define MILTERS_MIME_MIME_FIELD_H

#include "shared/base/span.h"

enum {
    MIME_BOUNDARIES_MAX = 6,   /* readings of one part's boundary */
    MIME_BOUNDARY_MAX = 1000,  /* octets; RFC 2046 has 70 */
    MIME_BOUNDARY_USUAL = 128, /* above that programs may cut it */
};

/* Sets of these: a part may be read in several ways. */
enum mime_structure {
    MIME_LEAF = 1,
    MIME_MULTIPART = 2,
    MIME_MESSAGE = 4,
    MIME_DIGEST = 8,     /* with MIME_MULTIPART: parts are messages unless they say */
    MIME_ENCRYPTED = 16, /* with MIME_MULTIPART: PGP/MIME */
};

enum mime_encoding {
    MIME_PLAIN = 1,
    MIME_BASE64 = 2,
    MIME_QUOTED = 4,
    MIME_UUENCODE = 8,
};

struct mime_boundary {
    size_t length;
    char octets[MIME_BOUNDARY_MAX];
};

struct mime_header {
    unsigned structures; /* 0: not said */
    unsigned encodings;  /* 0: not said */
    unsigned boundary_count;
    struct mime_boundary boundaries[MIME_BOUNDARIES_MAX];
    const char *ambiguous; /* why there is more than one reading; NULL: there is not */
};

/* Each adds what a field's value (its folds still in it) says. */
void mime_field_type(struct span text, struct mime_header *header);
void mime_field_encoding(struct span text, struct mime_header *header);

void mime_header_add_boundary(struct mime_header *header, struct span boundary);

#endif
