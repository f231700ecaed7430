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

#include "policyd/units/unit_link.h"

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

/* False, with what is wrong and where, where the form as a whole can't be read: a CSV
 * without columns that are known, a quote that never ends, a line over the ceiling. */
bool unit_source_read(enum unit_format format, struct span text,
    const struct unit_reader *reader, struct error *error);

#endif
