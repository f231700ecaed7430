/*
 * ctl_related - what else is said of an address: by a file of the site's its other names
 * ([ctl] aliases) or where it forwards to ([ctl] forwards), or by the rehearsal.
 */
#ifndef POLICYD_CTL_CTL_RELATED_H
#define POLICYD_CTL_CTL_RELATED_H

#include "policyd/ctl/ctl.h"

struct ctl_related_row {
    struct span address; /* canonical */
    struct span other;
};

struct ctl_related {
    struct ctl *ctl;
    struct ctl_related_row *rows; /* on the heap, sorted */
    size_t count;
    size_t room;
};

/* Lines of two addresses, the one known by its second or by its first word; an empty path
 * gives no rows.  False: the file can't be read. */
bool ctl_related_read(struct ctl *ctl, const char *path, bool by_second,
    struct ctl_related *related, struct error *error);

/* One by one, instead of a file: the canonical address and what is said of it are in the
 * arena; then `sort` once. */
void ctl_related_add(struct ctl_related *related, struct span address, struct span other);
void ctl_related_sort(struct ctl_related *related);
void ctl_related_clear(struct ctl_related *related);

/* All that is known of it, blank separated, in the arena; empty: nothing. */
struct span ctl_related_find(
    const struct ctl_related *related, struct arena *arena, struct span address);

#endif
