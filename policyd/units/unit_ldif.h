/*
 * unit_ldif - entries of a directory (RFC 2849).
 */
#ifndef POLICYD_UNITS_UNIT_LDIF_H
#define POLICYD_UNITS_UNIT_LDIF_H

#include "policyd/units/unit_link.h"

/* As unit_source_read. */
bool unit_ldif_read(
    struct span text, const struct unit_reader *reader, struct error *error);

#endif
