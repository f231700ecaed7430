/*
 * ctl_bulk - many keys from the lines of a file: all of them are good, or nothing is
 * written.
 *
 * Empty lines and those that begin with # count for nothing.
 */
#ifndef POLICYD_CTL_CTL_BULK_H
#define POLICYD_CTL_CTL_BULK_H

#include "policyd/ctl/ctl_write.h"

struct ctl_bulk {
    struct ctl *ctl;
    const char *file; /* "-": standard input */
    /* Takes one trimmed line: calls ctl_bulk_add or ctl_bulk_complain. */
    void (*take)(struct ctl_bulk *bulk, struct span line);
    const void *argument; /* of `take` */
    unsigned seconds;     /* as in struct ctl_values */

    size_t line; /* the number of this one */
    size_t count;
    struct span *keys;
    struct span *values;
    size_t complaints;
    struct error trouble; /* with Redis */
};

/* One more key, of a canonical name, brought to the domain that its own is same_as. */
void ctl_bulk_add(
    struct ctl_bulk *bulk, const char *kind, struct span name, struct span value);
void ctl_bulk_complain(struct ctl_bulk *bulk, const char *what, struct span text);

/*
 * Reads the file and writes; `event` gets the number of them added to its `to`.  Gives
 * the exit code; all but success is said.
 */
int ctl_bulk_run(struct ctl_bulk *bulk, struct ctl_event *event);

/* The same of what was added by the caller, who gave `keys` and `values` their room. */
int ctl_bulk_write(struct ctl_bulk *bulk, struct ctl_event *event);

#endif
