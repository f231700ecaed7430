/*
 * ctl_odd - keys that are written otherwise than canonically, and mean the same all the
 * same: `pin:Alice@Example.com`.
 *
 * policyd takes them, where no canonical one stands beside them, so whoever decides
 * without it must look for them: all keys of a kind are gone through, once a kind, and
 * only where it is asked for.
 */
#ifndef POLICYD_CTL_CTL_ODD_H
#define POLICYD_CTL_CTL_ODD_H

#include "policyd/ctl/ctl_store.h"

struct ctl_odd;

struct ctl_odd *ctl_odd_new(struct ctl *ctl);
void ctl_odd_free(struct ctl_odd *odd);

/*
 * How `name` is written behind `kind` ("domain:", "pin:", "unit:", "list:"), where it
 * isn't canonical; the empty span where no such key stands in Redis.  Of several the one
 * that policyd takes.
 */
bool ctl_odd_find(struct ctl_odd *odd, const char *kind, struct span name,
    struct span *written, struct error *error);

#endif
