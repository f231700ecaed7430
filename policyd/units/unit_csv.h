/*
 * unit_csv - permissions or groups as CSV (RFC 4180), told apart by their columns.
 */
#ifndef POLICYD_UNITS_UNIT_CSV_H
#define POLICYD_UNITS_UNIT_CSV_H

#include "policyd/units/unit_link.h"

/* As unit_source_read. */
bool unit_csv_read(
    struct span text, const struct unit_reader *reader, struct error *error);

/* Whether its first row has columns that are known. */
bool unit_csv_is(struct span text);

#endif
