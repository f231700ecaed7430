/*
 * ctl_addresses - the site's own list of addresses ([ctl] addresses): one a line, #
 * begins a comment.
 */
#ifndef POLICYD_CTL_CTL_ADDRESSES_H
#define POLICYD_CTL_CTL_ADDRESSES_H

#include "policyd/ctl/ctl_store.h"

struct ctl_addresses {
    struct span *names; /* canonical, in the arena; room for one more */
    size_t count;
};

/* Those of a domain; what is no address counts for nothing. */
bool ctl_addresses_read(struct ctl *ctl, const char *domain,
    struct ctl_addresses *addresses, struct error *error);

#endif
