/*
 * setup_tables - what lookup tables of a Postfix say about some keys, asked by postmap(1)
 * and remembered: one run a table, whatever the number of keys.
 */
#ifndef POLICYD_SETUP_SETUP_TABLES_H
#define POLICYD_SETUP_SETUP_TABLES_H

#include "shared/base/arena.h"

struct setup_tables;

/* `directory` is told to postmap; NULL: its own default.  Keys are borrowed. */
struct setup_tables *setup_tables_new(struct arena *arena, const char *directory,
    const struct span *keys, size_t key_count);

/* Whether a table answers a key, and what. */
bool setup_tables_find(
    struct setup_tables *tables, struct span table, struct span key, struct span *value);

/* Why a table can't be asked; NULL where it can. */
const char *setup_tables_fault(struct setup_tables *tables, struct span name);

/* Whether it is asked for whole addresses alone, as patterns are; only such a table sees
 * none of the shorter forms. */
bool setup_tables_is_pattern(struct span table);

/* All its keys, one a line; false where its type can't tell. */
bool setup_tables_list(struct setup_tables *tables, struct span table, struct span *keys);

#endif
