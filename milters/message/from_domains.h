/*
 * from_domains - every domain that stands in the From fields of a message, as leniently
 * as any reader may take them.
 *
 * For From fields that author does not read as one author: no reader's address is to be
 * missed, so what follows an at sign counts wherever it stands (in names, quotes,
 * comments, encoded words), and where white space, quotes or comments part a name, both
 * what stands before and the joined name.  Names that nobody has do no harm: they have no
 * policy.
 */
#ifndef MILTERS_MESSAGE_FROM_DOMAINS_H
#define MILTERS_MESSAGE_FROM_DOMAINS_H

#include "shared/base/domain.h"
#include "shared/records/header_field.h"

enum {
    FROM_DOMAINS_MAX = 16,
    FROM_AT_SIGNS_MAX = 1000, /* looked behind, in all fields */
};

/* Domains as author has them: lower-case A-labels, two at least, each once. */
struct from_domains {
    char names[FROM_DOMAINS_MAX][DOMAIN_MAX + 1];
    size_t count;
    bool more; /* than the ceilings: what is beyond them is not known */
};

void from_domains_read(
    const struct header_field *fields, size_t field_count, struct from_domains *domains);

#endif
