/*
 * address_form - finds an address in a text, in any of the forms that name its owner.
 * Pure.
 *
 * - alice@example.com: as it is, also behind a tag (prvs=0123456789=, BATV)
 * - alice+news@example.com: with a subaddress
 * - bounce+alice=example.com@...: written into another one (VERP), also with %
 * - SRS0=...=example.com=alice@...: turned round (SRS)
 *
 * Case does not count.  A longer address that begins or ends with this one is another's:
 * malice@example.com, bounce+alice@example.com, alice@example.com.test.
 *
 * Limits: quoted local parts, xtext and the other form of an international domain are not
 * recognised.
 */
#ifndef POLICYD_MAILLOG_ADDRESS_FORM_H
#define POLICYD_MAILLOG_ADDRESS_FORM_H

#include "shared/base/buffer.h"
#include "shared/base/span.h"

/* Both are borrowed. */
struct address_form {
    struct span local;
    struct span domain;
};

enum { ADDRESS_FORM_TAG_MAX = 64 }; /* a longer subaddress is none */

/* Where it stands next. */
struct address_place {
    size_t at;
    size_t length;
    bool is_turned; /* the domain comes first */
    char sign;      /* between the two: @ = % */
};

/* `is_anywhere`: also as a part of another's, for what is to be found in any octets. */
bool address_form_find(const struct address_form *address, struct span text, size_t from,
    bool is_anywhere, struct address_place *place);

/* The text with another local part, without a subaddress, at each place. */
void address_form_replace(const struct address_form *address, struct span text,
    struct span local, struct buffer *out);

#endif
