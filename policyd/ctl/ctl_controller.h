/*
 * ctl_controller - asks the controller of this gateway, by its page.
 */
#ifndef POLICYD_CTL_CTL_CONTROLLER_H
#define POLICYD_CTL_CTL_CONTROLLER_H

#include "policyd/ctl/ctl.h"
#include "policyd/ctl/ctl_json.h"

/* Its /status.json; NULL: it is silent, the error says why. */
const struct ctl_json *ctl_controller_status(struct ctl *ctl, struct error *error);

/* The entry of a domain among its plans (plan_page.h), or NULL. */
const struct ctl_json *ctl_controller_plan(
    const struct ctl_json *status, const char *domain);

#endif
