/*
 * domain_class - whether Postfix finds a domain in one of its lists (mydestination,
 * relay_domains and so on): names, `.parent`, `!` and tables, in their order, the first
 * that matches counts.
 *
 * What a table or a file of names says is asked of the caller.  Pure.
 */
#ifndef POLICYD_WIRING_DOMAIN_CLASS_H
#define POLICYD_WIRING_DOMAIN_CLASS_H

#include "shared/base/span.h"

/* A file of names holds a list of the same kind; deeper ones are not followed. */
enum { DOMAIN_CLASS_DEPTH = 4 };

struct domain_class_tables {
    /* Whether "type:name" has the key. */
    bool (*has)(void *argument, struct span table, struct span key);
    /* The text of a file named in a list; empty where it can't be read. */
    struct span (*text)(void *argument, struct span path);
    void *argument;
};

/* What a list's names stand for. */
enum domain_class_names {
    DOMAIN_CLASS_EXACT,   /* themselves alone: mydestination, virtual_*_domains */
    DOMAIN_CLASS_DOTTED,  /* ".example" for what is below it */
    DOMAIN_CLASS_PARENTS, /* "example" for itself and what is below it */
};

/* `list` with its $names expanded. */
bool domain_class_is_in(struct span list, struct span domain,
    enum domain_class_names names, const struct domain_class_tables *tables);

/* "hash:/x", "proxy:mysql:/x"; not "/x", "[::1]", "a.example". */
bool domain_class_is_table(struct span item);

#endif
