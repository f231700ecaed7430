/*
 * ctl_plan_text - a plan (an object of plan_page.h) on a terminal of 100 columns: how it
 * is, what it waits for, its gates, old beside new, the last events, what is to be typed.
 */
#ifndef POLICYD_CTL_CTL_PLAN_TEXT_H
#define POLICYD_CTL_CTL_PLAN_TEXT_H

#include "policyd/ctl/ctl.h"
#include "policyd/ctl/ctl_json.h"

/* `brief`, for a screen that has more to show: gates that say yes share a line, and three
 * events. */
void ctl_plan_text_print(
    struct ctl *ctl, const struct ctl_json *plan, int64_t now, bool brief);

#endif
