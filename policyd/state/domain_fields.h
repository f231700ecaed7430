/*
 * domain_fields - a domain's state back to the fields of its hash, and from one state to
 * another.
 *
 * What the snapshot keeps, what a copy is made by, and what changed between two states.
 * Pure.
 */
#ifndef POLICYD_STATE_DOMAIN_FIELDS_H
#define POLICYD_STATE_DOMAIN_FIELDS_H

#include "policyd/state/domain_state.h"

/* All fields that mean something, in the order in which they are shown; the last one is
 * `rev`, which is counted and not set. */
extern const char *const domain_field_names[DOMAIN_FIELDS_COUNT];

/* Texts that had to be made; the others are borrowed from the state. */
struct domain_fields {
    struct domain_field items[DOMAIN_FIELDS_COUNT];
    size_t count;
    char weight[8];
    char rev[24];
    char lists[DOMAIN_STATE_VALUE_MAX + 1];
};

/* Absent fields are left out; domain_state_parse gives the same state again. */
void domain_fields_write(const struct domain_state *state, struct domain_fields *fields);

struct span domain_fields_find(const struct domain_fields *fields, struct span name);

struct domain_state *domain_fields_copy(const struct domain_state *state);

/* Calls `differs` for each field that is not the same; either state may be NULL. */
void domain_fields_compare(const struct domain_state *from, const struct domain_state *to,
    void (*differs)(void *argument, const char *field, struct span from, struct span to),
    void *argument);

#endif
