/*
 * unit_link - two addresses that belong together, and how a list of a site's tells them.
 */
#ifndef POLICYD_UNITS_UNIT_LINK_H
#define POLICYD_UNITS_UNIT_LINK_H

#include "shared/base/buffer.h"
#include "shared/base/error.h"

enum unit_link_kind {
    UNIT_LINK_ALIAS,    /* another name of one person */
    UNIT_LINK_DELEGATE, /* who may read or send as another */
    UNIT_LINK_MANAGER,
    UNIT_LINK_MEMBER, /* left is a group, any text; right is in it */
    UNIT_LINK_MAIL,   /* they write to each other */
    UNIT_LINK_KEPT,   /* they are one unit already */
    UNIT_LINK_ORDER,  /* right is left's unit, by order */
};

const char *unit_link_name(enum unit_link_kind kind); /* "alias" ... */

struct unit_reader {
    /* Spans are borrowed for the call; lines count from 1. */
    void (*link)(void *argument, enum unit_link_kind kind, struct span left,
        struct span right, size_t line);
    /* Something that was left out: why (a literal), and the text. */
    void (*left_out)(void *argument, const char *why, struct span text, size_t line);
    void *argument;
    const char *domain; /* of names without one; NULL: they are left out */
};

enum { UNIT_SOURCE_LINE_MAX = 1 << 20, UNIT_SOURCE_COLUMNS_MAX = 100 };

/* An address out of a field: `alice@x`, `smtp:alice@x`, `CORP\alice`, `alice`; the empty
 * span where it is none.  `room` holds what had to be put together. */
struct span unit_link_address(
    const struct unit_reader *reader, struct span field, struct buffer *room);

/* Accounts of the system and of nobody: `NT AUTHORITY\SELF`, `S-1-5-21-...`. */
bool unit_link_is_system(struct span field);

#endif
