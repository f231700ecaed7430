/*
 * ctl_preflight_movers - whether new takes those who move with the next stage.
 *
 * Limits: asked at the first place of new's route alone, and not once more where there
 * was no answer.
 */
#ifndef POLICYD_CTL_CTL_PREFLIGHT_MOVERS_H
#define POLICYD_CTL_CTL_PREFLIGHT_MOVERS_H

#include "policyd/ctl/ctl_preflight.h"
#include "policyd/preflight/preflight_talks.h"
#include "policyd/routing/route_decide.h"

/* Where each address goes now and with the next stage; in the arena.  `names` are
 * canonical and of the domain, with room for one more. */
bool ctl_preflight_places(struct ctl_preflight *preflight, struct span *names,
    size_t count, const enum route_place **now, const enum route_place **next,
    struct error *error);

/* `places` of new; NULL: it has none. */
void ctl_preflight_movers(
    struct ctl_preflight *preflight, const struct preflight_places *places);

#endif
