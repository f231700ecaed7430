/*
 * ctl_preflight_intake - preflight: what Postfix does with mail before it is routed.
 */
#ifndef POLICYD_CTL_CTL_PREFLIGHT_INTAKE_H
#define POLICYD_CTL_CTL_PREFLIGHT_INTAKE_H

#include "policyd/ctl/ctl_preflight.h"
#include "policyd/setup/setup_site.h"

/* `obstacle` NULL: `site` was read. */
void ctl_preflight_intake(
    struct ctl_preflight *preflight, const struct setup_site *site, const char *obstacle);

#endif
