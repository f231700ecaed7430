/*
 * ctl_walk - all keys of a kind and their values, which are strings.
 */
#ifndef POLICYD_CTL_CTL_WALK_H
#define POLICYD_CTL_CTL_WALK_H

#include "policyd/ctl/ctl_store.h"

/* The name behind the kind, and the value; both are gone when it returns.  Keys of
 * another type are not given; some may be given twice. */
typedef void ctl_walk_callback(void *argument, struct span name, struct span value);

/* `kind` is "pin:" or "unit:".  False: Redis can't be asked any more. */
bool ctl_walk(struct ctl *ctl, const char *kind, ctl_walk_callback *callback,
    void *argument, struct error *error);

#endif
