/*
 * ctl_units - which unit addresses shall belong to, told and written as one.
 *
 * Who would change sides by it at the weight and with the pins of today is named, and
 * then nothing is written unless --force says so.
 */
#ifndef POLICYD_CTL_CTL_UNITS_H
#define POLICYD_CTL_CTL_UNITS_H

#include "policyd/ctl/ctl_store.h"

struct ctl_unit_wish {
    struct span address; /* canonical, under the domain that its own is same_as */
    struct span unit;
};

struct ctl_units {
    struct ctl *ctl;
    struct ctl_unit_wish *wishes; /* on the heap; ctl_units_clear */
    size_t count;
    size_t room;
};

/* Spans are borrowed until ctl_units_write. */
void ctl_units_add(struct ctl_units *units, struct span address, struct span unit);
void ctl_units_clear(struct ctl_units *units);

/* Gives the exit code; all is said.  `from` names the files, for the event. */
int ctl_units_write(struct ctl_units *units, const char *from);

/* unit load FILE..., unit why A B [FILE...], unit suggest DOMAIN */
int ctl_unit_load(struct ctl *ctl);
int ctl_unit_why(struct ctl *ctl);
int ctl_unit_suggest(struct ctl *ctl);

#endif
