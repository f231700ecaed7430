/*
 * ctl_forget - who would be sent elsewhere if one domain were forgotten: people pinned by
 * their addresses or by their units, other domains that are same_as it, and, where it is
 * same_as another itself, the people of that one.
 *
 * What its own state says is ctl_domain_forget_danger's to judge.
 */
#ifndef POLICYD_CTL_CTL_FORGET_H
#define POLICYD_CTL_CTL_FORGET_H

#include "policyd/ctl/ctl.h"

/* False: refused, and said so; *forced is what --force went over, or NULL.  `domain` is
 * canonical. */
bool ctl_forget_guard(struct ctl *ctl, const char *domain, const char **forced);

#endif
