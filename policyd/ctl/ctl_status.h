/*
 * ctl_status - what other verbs want of status.
 */
#ifndef POLICYD_CTL_CTL_STATUS_H
#define POLICYD_CTL_CTL_STATUS_H

#include "policyd/ctl/ctl.h"

/* The page's `source` where neither policyd nor Redis could be asked; it has no states. */
#define CTL_STATUS_OF_NOBODY "nobody"

/* The page of /status.json as policyd would write it by what Redis says. */
bool ctl_status_page(struct ctl *ctl, struct buffer *page, struct error *error);

#endif
