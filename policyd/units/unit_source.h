/*
 * unit_source - who belongs together, as a site's own lists have it.
 *
 * Four forms.  `units`: `ADDRESS UNIT` or `ADDRESS,UNIT` a line, an order and no guess.
 * `csv` (RFC 4180): permissions as Get-MailboxPermission gives them, or members of groups
 * as Get-DistributionGroupMember does, told apart by the names of their columns.  `ldif`
 * (RFC 2849): `member:`, `manager:` and `owner:` of entries that have a `mail:`, and the
 * other addresses of an entry.  `virtual`: virtual(5) of Postfix; one target is an alias,
 * several are a group.
 *
 * What is read is told link by link; what can't be read is told, too, and never ends the
 * reading.  A name without a domain (`alice`, `CORP\alice`) counts as alice@DOMAIN where
 * the reader names one.  Inherited and denied rights, rights of a mailbox to itself and
 * those of system accounts are no links.
 */
#ifndef POLICYD_UNITS_UNIT_SOURCE_H
#define POLICYD_UNITS_UNIT_SOURCE_H

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
bool unit_link_find(struct span name, enum unit_link_kind *kind);

enum unit_format {
    UNIT_FORMAT_UNITS,
    UNIT_FORMAT_CSV,
    UNIT_FORMAT_LDIF,
    UNIT_FORMAT_VIRTUAL,
};

/* "units", "csv", "ldif", "virtual"; false for others. */
bool unit_format_find(struct span name, enum unit_format *format);

/* By the first line that says something: LDIF begins with `dn:` or `version:`, CSV with a
 * row of columns that are known; all else is `units`. */
enum unit_format unit_format_guess(struct span text);

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

/* False, with what is wrong and where, where the form as a whole can't be read: a CSV
 * without columns that are known, a quote that never ends, a line over the ceiling. */
bool unit_source_read(enum unit_format format, struct span text,
    const struct unit_reader *reader, struct error *error);

/* --- for the forms --- */

/* An address out of a field: `alice@x`, `smtp:alice@x`, `CORP\alice`, `alice`; the empty
 * span where it is none.  `room` holds what had to be put together. */
struct span unit_source_address(
    const struct unit_reader *reader, struct span field, struct buffer *room);

/* Accounts of the system and of nobody: `NT AUTHORITY\SELF`, `S-1-5-21-...`. */
bool unit_source_is_system(struct span field);

bool unit_csv_read(
    struct span text, const struct unit_reader *reader, struct error *error);
bool unit_csv_is(struct span text);
bool unit_ldif_read(
    struct span text, const struct unit_reader *reader, struct error *error);
bool unit_virtual_read(
    struct span text, const struct unit_reader *reader, struct error *error);

#endif
