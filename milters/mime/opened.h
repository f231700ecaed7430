/*
 * opened - what of a message the scanner has really had in hand.  Pure.
 *
 * libclamav tells of each file that it looks at, also in archives, and calls clean what
 * it did not open.  So for each file that holds others it is counted whether anything,
 * and as much as there is, came out of it; and for each part of the mail it is remembered
 * (by digest), so that one that the library's own reader of mail has missed can be given
 * to it afterwards.
 */
#ifndef MILTERS_MIME_OPENED_H
#define MILTERS_MIME_OPENED_H

#include "shared/base/span.h"

enum { OPENED_PARTS_MAX = 1024 }; /* remembered; more are given again */

struct opened;

struct opened *opened_new(void);
void opened_free(struct opened *opened);

/* The library looks at a file, `level` deep in the one given to it, of a type by its
 * name for it ("CL_TYPE_ZIP"). */
void opened_file(
    struct opened *opened, unsigned level, struct span type, struct span octets);

/* It reads in a container of that type that there is a member of this size. */
void opened_member(struct opened *opened, struct span container, uint64_t size);

/* It has done with the file that was given to it. */
void opened_end(struct opened *opened);

/* Whether it has looked at a part of the mail with this content. */
bool opened_has(const struct opened *opened, struct span octets);

/* It was given one that it had not looked at. */
void opened_remember(struct opened *opened, struct span octets);

/* What was not opened, what is encrypted, by the name of its format; NULL: nothing. */
const char *opened_missing(const struct opened *opened);
const char *opened_encrypted(const struct opened *opened);
void opened_note_leaf(struct opened *opened, struct span octets);

#endif
