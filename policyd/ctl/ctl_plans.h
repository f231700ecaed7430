/*
 * ctl_plans - all plans, for status: as the controller has them, or, with the controller
 * silent, which are under way by what Redis says.
 */
#ifndef POLICYD_CTL_CTL_PLANS_H
#define POLICYD_CTL_CTL_PLANS_H

#include "policyd/ctl/ctl_health.h"
#include "shared/base/json.h"

struct ctl_plans {
    const struct ctl_json *status; /* the controller's page; NULL: it is silent */
    const char *silent;            /* why */
};

/* Adds what is bad about them to `health`; `status` is the page of policyd. */
void ctl_plans_look(struct ctl_plans *plans, struct ctl_health *health, struct ctl *ctl,
    const struct ctl_json *status);

/* In a line or two each; `whole`: with gates, figures and events. */
void ctl_plans_print(const struct ctl_plans *plans, struct ctl *ctl, bool whole);

/* Members "plans" and "controller_not_asked". */
void ctl_plans_write(struct json *json, const struct ctl_plans *plans);

#endif
