/*
 * ctl_wiring - whether and how Postfix is wired, for status.
 */
#ifndef POLICYD_CTL_CTL_WIRING_H
#define POLICYD_CTL_CTL_WIRING_H

#include "policyd/ctl/ctl_health.h"
#include "policyd/wiring/wiring_check.h"
#include "shared/base/json.h"

struct ctl_wiring {
    const char *directory; /* of main.cf; NULL: not known */
    struct wiring wiring;
};

/* Adds what is found to `health`; `status` is the page of /status.json. */
void ctl_wiring_look(struct ctl_wiring *wiring, struct ctl_health *health,
    struct ctl *ctl, const struct ctl_json *status);

/* A member "postfix". */
void ctl_wiring_write(struct json *json, const struct ctl_wiring *wiring);

#endif
