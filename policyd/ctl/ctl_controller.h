/*
 * ctl_controller - asks the controller of this gateway, by its page.
 */
#ifndef POLICYD_CTL_CTL_CONTROLLER_H
#define POLICYD_CTL_CTL_CONTROLLER_H

#include "policyd/ctl/ctl_health.h"

/* Its /status.json; NULL: it is silent, the error says why. */
const struct ctl_json *ctl_controller_status(struct ctl *ctl, struct error *error);

/* Why its log can't be followed, or can't be the right one, in a sentence that is
 * harmless to print; NULL: nothing is wrong.  A log that is silent may be right: *silent
 * says so. */
const char *ctl_controller_log_trouble(
    struct ctl *ctl, const struct ctl_json *status, const char **silent);

/* Adds what is bad about its log and its books. */
void ctl_controller_look(
    struct ctl_health *health, struct ctl *ctl, const struct ctl_json *status);

/* The entry of a domain among its plans (plan_page.h), or NULL. */
const struct ctl_json *ctl_controller_plan(
    const struct ctl_json *status, const char *domain);

#endif
