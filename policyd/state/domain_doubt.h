/*
 * domain_doubt - a state that is allowed, and hardly meant: old and new are one place, or
 * stand in each other's.
 *
 * For whoever writes a state at a person's word.  Pure.
 */
#ifndef POLICYD_STATE_DOMAIN_DOUBT_H
#define POLICYD_STATE_DOMAIN_DOUBT_H

#include "policyd/state/domain_state.h"

/* What speaks against `to`, in place of `from` (NULL: nothing); NULL: nothing does. */
const char *domain_doubt(const struct domain_state *from, const struct domain_state *to);

#endif
