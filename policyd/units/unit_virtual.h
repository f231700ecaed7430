/*
 * unit_virtual - a table of aliases, virtual(5) of Postfix.
 */
#ifndef POLICYD_UNITS_UNIT_VIRTUAL_H
#define POLICYD_UNITS_UNIT_VIRTUAL_H

#include "policyd/units/unit_link.h"

/* As unit_source_read. */
bool unit_virtual_read(
    struct span text, const struct unit_reader *reader, struct error *error);

#endif
