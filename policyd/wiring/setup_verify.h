/*
 * setup_verify - whether Postfix, asked after a change, still says all that it said
 * before, but for what was to be changed.
 *
 * Postfix's own word on files that we wrote: where two lines were glued, or an entry cut,
 * something of the site's has another value now.  Pure.
 */
#ifndef POLICYD_WIRING_SETUP_VERIFY_H
#define POLICYD_WIRING_SETUP_VERIFY_H

#include "policyd/wiring/setup_plan.h"

/* What `postconf -n` and `postconf -M` print. */
struct setup_listing {
    struct span parameters;
    struct span services;
};

bool setup_verify(const struct setup_listing *before, const struct setup_listing *after,
    const struct setup_plan *plan, struct error *error);

#endif
