/*
 * author - the From fields of a message to the domains of its authors, strictly.
 *
 * Whatever two readers could show differently is refused (RFC 5322, 6854 and 6532, with
 * the comments and white space of the obsolete syntax, but not at the dots of a domain):
 * a name is never looked into for an address, and neither Sender nor any other field
 * stands in for From.  Domains come as lower-case A-labels, each once, in the order of
 * the message.  See from_domains for what is refused here.
 */
#ifndef MILTERS_MESSAGE_AUTHOR_H
#define MILTERS_MESSAGE_AUTHOR_H

#include "shared/base/domain.h"
#include "shared/records/header_field.h"

enum {
    AUTHOR_VALUE_MAX = 8192,   /* octets of a From field's value */
    AUTHOR_ADDRESSES_MAX = 16, /* in all From fields */
    AUTHOR_DOMAINS_MAX = 4,
};

enum author_kind {
    AUTHOR_ONE,     /* one field, one domain: the Author Domain */
    AUTHOR_SEVERAL, /* all could be read, but it is not one field with one domain */
    AUTHOR_BAD,     /* no author can be told; no domains */
};

struct author {
    enum author_kind kind;
    const char *reason; /* what is wrong, in words of ours; NULL with AUTHOR_ONE */
    char domains[AUTHOR_DOMAINS_MAX][DOMAIN_MAX + 1];
    size_t count;
};

/* `fields` are all fields of the header, or those named From alone. */
void author_read(
    const struct header_field *fields, size_t field_count, struct author *author);

#endif
