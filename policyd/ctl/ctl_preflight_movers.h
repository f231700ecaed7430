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

/* `places` of new; NULL: it has none. */
void ctl_preflight_movers(
    struct ctl_preflight *preflight, const struct preflight_places *places);

#endif
